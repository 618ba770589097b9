"""Tells ZenML the end of a run or step that could not tell it itself."""

from contextlib import suppress
from uuid import UUID

from zenml.client import Client
from zenml.enums import ExecutionStatus
from zenml.exceptions import IllegalOperationError
from zenml.models import ExceptionInfo, PipelineRunResponse, PipelineRunUpdate, StepRunUpdate
from zenml.orchestrators.publish_utils import publish_step_run_status_update

from stacks.components.airflow_steps.reconciliation import Decision, Verdict

# the class that driver.runs rebuilds, so that the command line ends with its exit code
_SOURCE = "health_predict.errors.InfrastructureError"
_LONGEST = 255  # characters of a status reason in ZenML's database


def publish(run: PipelineRunResponse, decision: Decision) -> None:
    """End the open steps and the run as decided; what has ended meanwhile stays as it is."""
    stop = decision.verdict is Verdict.STOP
    told = ExceptionInfo(traceback=decision.reason, source=_SOURCE, message=f"{run.name}: {decision.reason}")
    client = Client()
    if client.get_pipeline_run(run.id, hydrate=False).status.is_finished:
        return
    for step in client.list_run_steps(pipeline_run_id=run.id, size=1000).items:
        if step.name in decision.steps and not step.status.is_finished:
            ended = ExecutionStatus.STOPPED if stop else ExecutionStatus.FAILED
            publish_step_run_status_update(step.id, ended, exception_info=told)
    # ZenML itself makes `stopped` of `stopping` when no step is open
    status = ExecutionStatus.STOPPING if stop else ExecutionStatus.FAILED
    update = PipelineRunUpdate(status=status, status_reason=decision.reason[:_LONGEST], exception_info=told)
    with suppress(IllegalOperationError):  # another process was faster
        client.zen_store.update_run(run.id, update)


def explain(run: PipelineRunResponse, step_name: str, reason: str) -> None:
    """Say why a step failed where ZenML closed it without a word, as it does when its store cannot be reached."""
    told = ExceptionInfo(traceback=reason, source=_SOURCE, message=reason)
    step = Client().get_pipeline_run(run.id).steps.get(step_name)
    if step and step.exception_info is None:
        Client().zen_store.update_run_step(step.id, StepRunUpdate(exception_info=told))


def find_run(snapshot_id: UUID) -> PipelineRunResponse | None:
    """The newest run of a submission."""
    return next(iter(Client().list_pipeline_runs(snapshot_id=snapshot_id, sort_by="desc:created", size=1).items), None)
