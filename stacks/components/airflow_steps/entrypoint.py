"""ZenML's entry point of a step without what our steps do not need: no other integrations, no downloaded code."""

from collections.abc import Callable
from uuid import UUID

from zenml.entrypoints import StepEntrypointConfiguration
from zenml.execution.pipeline.utils import prevent_pipeline_execution
from zenml.utils import source_utils

from stacks.components.airflow_steps.publishing import find_run, publish
from stacks.components.airflow_steps.reconciliation import Decision, Verdict


class SlimStep(StepEntrypointConfiguration):
    """One step, in this process."""

    def run(self, ready: Callable[[], None] = lambda: None) -> None:
        """Run the step; its result and its failure are published by ZenML. `ready` is called just before."""
        if not all(output.materializer_source for output in self.step.config.outputs.values()):
            _register_materializers()
        source_utils.load(self.step.spec.source)
        ready()
        with prevent_pipeline_execution():
            self._run_step(step=self.step, snapshot=self.snapshot)

    def report(self, failure: Exception) -> None:
        """Publish a failure that came before ZenML could."""
        run = find_run(UUID(self.entrypoint_args["snapshot_id"]))
        if run is None or run.status.is_finished:
            return
        name = self.entrypoint_args["step_name"]
        first = (str(failure).strip() or "no message").splitlines()[0]
        publish(run, Decision(Verdict.FAIL, f"{name} could not be run: {type(failure).__name__}: {first}", (name,)))


def _register_materializers() -> None:
    """Needed to save an output whose type was not known when the pipeline was compiled; takes seconds."""
    from zenml.integrations.registry import integration_registry

    integration_registry.activate_integrations()
