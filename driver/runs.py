"""Runs a pipeline on the active stack to its end, and explains a step's failure as the step itself would."""

import secrets
import shutil
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from health_predict import errors
from health_predict.errors import HealthPredictError, InfrastructureError
from stacks.environment import state_folder

_LEAST_FREE = 20_000_000  # bytes; less than any run needs
_FULL = ("No space left on device", "disk is full", "disk I/O error")

if TYPE_CHECKING:
    from zenml.models import PipelineRunResponse
    from zenml.pipelines import Pipeline


def run_to_end(pipeline: "Pipeline", *, no_cache: bool, **arguments: Any) -> "PipelineRunResponse":  # noqa: ANN401
    """Start the pipeline and return its finished run.

    Raises:
        HealthPredictError: a step raised it; in another process only its name and message are left.
    """
    name = f"{pipeline.name}-{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
    options = {"enable_cache": False} if no_cache else {}
    try:
        run = pipeline.with_options(run_name=name, **options)(**arguments)
    except Exception as failure:
        raise _explained(name) or _out_of_space(str(failure)) or failure from None
    if run is None:
        raise InfrastructureError("ZenML did not start the pipeline; run `zenml stack describe` and try again")
    return run


def output(run: "PipelineRunResponse", step: str, name: str) -> Any:  # noqa: ANN401 - whatever the step returned
    """Load what a step of a finished run returned under `name`."""
    return run.steps[step].outputs[name][0].load()


def _explained(run_name: str) -> HealthPredictError | None:
    """Rebuild the error of the first failed step from what ZenML stored of it."""
    from zenml.client import Client

    runs = Client().list_pipeline_runs(name=run_name, hydrate=True).items
    for step in runs[0].steps.values() if runs else ():
        info = step.exception_info
        kind = _kind(info.source) if info and info.source else None
        if info and kind:
            return kind(info.message or step.name)
        full = _out_of_space(info.message or "") if info else None
        if full:
            return full
    return None


def _out_of_space(message: str) -> InfrastructureError | None:
    """Recognise a full disk, also where ZenML had no space left to store what happened.

    The run can be repeated when there is space.
    """
    nearly_full = shutil.disk_usage(state_folder()).free < _LEAST_FREE
    if not nearly_full and not any(words in message for words in _FULL):
        return None
    return InfrastructureError(f"no space left below {state_folder()}; free some, then run the same command again")


def _kind(source: str) -> type[HealthPredictError] | None:
    module, _, name = source.rpartition(".")
    kind = getattr(errors, name, None) if module.startswith("health_predict.") else None
    return kind if isinstance(kind, type) else HealthPredictError if module.startswith("health_predict.") else None
