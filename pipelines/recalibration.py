"""Recalibration: from the champion to the same model with its calibration moved to the newest outcomes."""

from typing import Any

from zenml import pipeline

from pipelines.training import EXPERIMENT
from steps.notification.notify_promotion import notify_promotion
from steps.retraining.adopt_model import adopt_model
from steps.retraining.recalibrate_model import recalibrate_model
from steps.training.register_model import register_model

_TRACKED = {"experiment_tracker": {"experiment_name": EXPERIMENT}}


@pipeline(name="health_predict_recalibration", settings=_TRACKED)
def recalibration_pipeline(request: dict[str, Any]) -> None:
    """Recalibrate, register, adopt.

    Args:
        request: a `RenewalRequest` as a dict.
    """
    run = recalibrate_model(request=request)
    version = register_model(run, trigger=request["trigger"])
    notify_promotion(adopt_model(version))


@pipeline(name="health_predict_adoption", settings=_TRACKED)
def adoption_pipeline(version: str) -> None:
    """Adopt a recalibrated version that is registered already: what is left after a kill between the two."""
    notify_promotion(adopt_model(version))
