"""Carries out a retrain or recalibration that monitoring asked for: as much of it as an earlier, killed one left."""

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from adapters.stack_connection import registry_of_stack
from configs.train import TrainConfig
from driver.runs import run_to_end
from health_predict.errors import InfrastructureError
from health_predict.monitoring.action import Outcome
from health_predict.monitoring.renewal import Remaining, RenewalRequest, remaining

if TYPE_CHECKING:
    from adapters.mlflow_registry import Registry
    from adapters.mlflow_versions import RegisteredVersion


@dataclass(frozen=True)
class Renewal:
    """What came of it: `result` is promoted or refused, `version` the one that was made, and why it was decided so."""

    result: Outcome
    version: str
    reason: str

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        return asdict(self)


def renew(request: RenewalRequest, config: TrainConfig) -> Renewal:
    """Retrain or recalibrate on the active stack and wait for the end; asked again, it does what is still to do.

    Args:
        config: of a retrain; its target gives way to the champion's.

    Raises:
        InputError: an outcome has not arrived, or the champion lacks something.
        InfrastructureError: the champion changed while the new version was compared with it; ask again.
    """
    registry = registry_of_stack()
    version, left = _standing(registry, request.trigger)
    if left.left != "nothing":
        registered = version.version if version else None
        if request.trigger.startswith("retrain:"):
            target = registry.find(request.champion).tags["target"]
            _retrain(config.model_copy(update={"target": target}), request, registered)
        else:
            _recalibrate(request, registered)
        version, left = _standing(registry, request.trigger)
    if version is None or left.left != "nothing":
        raise InfrastructureError(f"{request.trigger}: {left.reason}; run the same command again")
    return Renewal(left.outcome, version.version, version.tags["promotion_reason"])


def _standing(registry: "Registry", trigger: str) -> "tuple[RegisteredVersion | None, Remaining]":
    registry.settle(datetime.now(UTC))
    version = registry.find_by_trigger(trigger)
    return version, remaining(version.status if version else None)


def _retrain(config: TrainConfig, request: RenewalRequest, registered: str | None) -> None:
    from pipelines.retraining import promotion_pipeline, retraining_pipeline

    given = {"config": config, "request": request.as_dict()}
    if registered is None:
        run_to_end(retraining_pipeline, no_cache=False, **given)
    else:
        run_to_end(promotion_pipeline, no_cache=False, **given, version=registered)


def _recalibrate(request: RenewalRequest, registered: str | None) -> None:
    from pipelines.recalibration import adoption_pipeline, recalibration_pipeline

    if registered is None:
        run_to_end(recalibration_pipeline, no_cache=False, request=request.as_dict())
    else:
        run_to_end(adoption_pipeline, no_cache=False, version=registered)
