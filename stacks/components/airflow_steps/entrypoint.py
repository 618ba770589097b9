"""ZenML's entry point of a step without what our steps do not need: no other integrations, no downloaded code."""

import sys
from collections.abc import Callable
from functools import cached_property
from uuid import UUID

from zenml.entrypoints import StepEntrypointConfiguration
from zenml.execution.pipeline.utils import prevent_pipeline_execution
from zenml.models import PipelineRunResponse
from zenml.utils import source_utils

from health_predict.errors import HealthPredictError, InfrastructureError
from stacks.components.airflow_steps.publishing import explain, find_run, publish
from stacks.components.airflow_steps.reconciliation import Decision, Verdict


class SlimStep(StepEntrypointConfiguration):
    """One step, in this process."""

    @property
    def name(self) -> str:
        """The step's name in its pipeline."""
        return str(self.entrypoint_args["step_name"])

    @cached_property
    def submitted_run(self) -> PipelineRunResponse | None:
        """The run as it was when this process began."""
        return find_run(UUID(self.entrypoint_args["snapshot_id"]))

    def run(self, ready: Callable[[], None] = lambda: None) -> None:
        """Run the step; its result and its failure are published by ZenML. `ready` is called just before.

        Raises:
            InfrastructureError: the run has ended, or an earlier process of this step did not end well.
        """
        if self._done_already():
            sys.stdout.write(f"{self.name}: an earlier process has done it\n")
            return
        if not all(output.materializer_source for output in self.step.config.outputs.values()):
            _register_materializers()
        source_utils.load(self.step.spec.source)
        ready()
        with prevent_pipeline_execution():
            self._run_step(step=self.step, snapshot=self.snapshot)

    def report(self, failure: Exception) -> None:
        """Publish a failure that ZenML could not, or of which it did not say why."""
        run = self.submitted_run
        if run is None:
            return
        first = (str(failure).strip() or "no message").splitlines()[0]
        unexplained = not isinstance(failure, HealthPredictError)
        why = f"{type(failure).__name__}: {first}; see python run.py --doctor" if unexplained else first
        reason = f"{self.name} could not be run: {why}"
        publish(run, Decision(Verdict.FAIL, reason, (self.name,)))
        explain(run, self.name, reason)

    def _done_already(self) -> bool:
        """Airflow starts a task again if it was restarted itself, and when a person tells it to."""
        run = self.submitted_run
        before = run.steps.get(self.name) if run else None
        if before and before.status.is_successful:
            return True
        if run and run.status.is_finished:
            raise InfrastructureError(f"the run {run.name} has ended; start another one with run.py")
        if before:
            raise InfrastructureError("its process was lost when Airflow was restarted; run the same command again")
        return False


def _register_materializers() -> None:
    """Needed to save an output whose type was not known when the pipeline was compiled; takes seconds."""
    from zenml.integrations.registry import integration_registry

    integration_registry.activate_integrations()
