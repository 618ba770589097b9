"""Compares the batch with the champion's reference, and its matured outcomes with what was predicted."""

import logging
from typing import Annotated

from zenml import step
from zenml.types import HTMLString

from adapters.batch_checking import SUMMARY, check
from adapters.mlflow_monitoring import MonitoringRuns
from adapters.monitoring_store import MonitoringStore
from adapters.report_artifacts import register_reports
from adapters.stack_connection import tracking_uri_of_stack
from configs.monitor import MonitorConfig
from health_predict.monitoring.deciding import position

LOG = logging.getLogger(__name__)  # kept with the step; the terminal gets one line a batch, from the driver


@step(enable_cache=False)
def check_batch(
    batch: str, config: MonitorConfig
) -> tuple[Annotated[str, "checked"], Annotated[HTMLString, "drift_summary"]]:
    """Judge the batch; one that is judged stays as it is. Returns the batch."""
    store = MonitoringStore.of_stack()
    record = check(store, batch, config)
    ledger = store.ledger()
    entry = ledger.entries[position(ledger, batch)]
    run_id = MonitoringRuns(tracking_uri_of_stack()).log_check(
        entry, record, false_alarm_rate=config.rule.false_alarm_rate
    )
    record = {**record, "mlflow_run_id": run_id}
    register_reports(batch, record["evidently"]["reports"])
    store.keep(ledger.advance(batch, "checked", record))
    LOG.info("%s: %s", record["verdict"]["verdict"], record["verdict"]["reason"])
    return batch, HTMLString(store.report(batch, SUMMARY) or "")
