"""Monitoring: one batch, from its arrival to the decision what to do about it."""

from zenml import pipeline

from configs.monitor import MonitorConfig
from steps.monitoring.check_batch import check_batch
from steps.monitoring.decide_batch import decide_batch
from steps.monitoring.score_batch import score_batch
from steps.monitoring.take_batch import take_batch
from steps.notification.notify_alarm import notify_alarm

EXPERIMENT = "HealthPredict_Monitoring"


@pipeline(
    name="health_predict_monitoring_retraining",
    settings={"experiment_tracker": {"experiment_name": EXPERIMENT}},
)
def monitoring_pipeline(
    config: MonitorConfig, shift: str | None = None, force_retrain: bool = False, recalibrated: bool = False
) -> None:
    """Take the next batch, score it, check it against the reference and its outcomes, decide, tell; the driver acts."""
    batch = take_batch(config, shift=shift)
    scored = score_batch(batch)
    checked, _summary = check_batch(scored, config=config)
    decision, _page = decide_batch(checked, config=config, force_retrain=force_retrain, recalibrated=recalibrated)
    notify_alarm(decision)
