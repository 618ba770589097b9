"""Checking: one file of the user's own against a model version, apart from the stream."""

from typing import Any

from zenml import pipeline

from configs.monitor import MonitorConfig
from steps.monitoring.check_file import check_own_file


@pipeline(name="health_predict_drift_check", enable_cache=False)
def checking_pipeline(request: dict[str, Any], config: MonitorConfig) -> None:
    """Score the file, judge it, and keep the reports; nothing follows from the verdict."""
    check_own_file(request=request, config=config)
