"""Decides what follows from the verdict, and shows the whole history."""

from typing import Annotated, Any

from zenml import get_step_context, step
from zenml.types import HTMLString

from adapters.monitoring_store import MonitoringStore
from adapters.stack_connection import registry_of_stack
from configs.monitor import MonitorConfig
from health_predict.monitoring.deciding import decide
from health_predict.monitoring.history import read_history
from health_predict.pages.monitoring import monitoring_page


@step(enable_cache=False)
def decide_batch(
    batch: str, config: MonitorConfig, force_retrain: bool, recalibrated: bool
) -> tuple[Annotated[dict[str, Any], "decision"], Annotated[HTMLString, "monitoring_page"]]:
    """Record the action of the batch; one that is decided stays as it is."""
    store = MonitoringStore.of_stack()
    ledger = decide(
        store.ledger(),
        batch,
        config.action_settings(),
        delay=config.label_delay,
        judges=config.retrain.judges,
        forced=force_retrain,
        recalibrated=recalibrated,
        run=str(get_step_context().pipeline_run.id),
    )
    store.keep(ledger)
    entry = ledger.find(batch)
    changes = registry_of_stack().history()
    return {"batch": batch, **entry.records["decided"]}, HTMLString(monitoring_page(read_history(ledger, changes)))
