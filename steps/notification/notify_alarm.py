"""Tells people of a batch that raised an alarm."""

from typing import Annotated, Any

from zenml import step

from adapters.alerting import post
from adapters.monitoring_store import MonitoringStore
from health_predict.notification import of_alarm


@step(enable_cache=False)
def notify_alarm(decision: dict[str, Any]) -> Annotated[bool, "notified"]:
    """Return whether the stack's alerter took it; False where there is none, or nothing to tell."""
    entry = MonitoringStore.of_stack().ledger().find(decision["batch"])
    message = of_alarm(entry) if entry else None
    return post(message) if message else False
