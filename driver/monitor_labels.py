"""Looks at the outcomes that arrive with a batch before it is scored, and has the champion recalibrated first."""

from typing import TYPE_CHECKING, Any

import click

from configs.monitor import MonitorConfig
from driver.monitor_action import recalibrate

if TYPE_CHECKING:
    from adapters.monitoring_store import MonitoringStore


def labels_first(store: "MonitoringStore", config: MonitorConfig) -> bool:
    """Return whether the champion was recalibrated on outcomes that arrive with the batch to go on with.

    An interrupted run is gone on with: what was measured stays measured, and a recalibration is made once.
    """
    from adapters.label_arrival import labelled_entry, measure_arrival
    from adapters.release_fetching import release_of

    ledger = store.ledger()
    unfinished = ledger.unfinished()
    if unfinished is not None and unfinished.state != "seen":
        return _was_recalibrated(store, unfinished.records["seen"]["index"], config)
    index = unfinished.records["seen"]["index"] if unfinished else len(ledger.entries)
    labelled = labelled_entry(ledger.entries, index, config.label_delay)
    if labelled is None or "scored" not in labelled.records:
        return False
    arrival = measure_arrival(store, labelled, index, config, release_of(None))
    if arrival["action"] == "recalibrate":
        click.echo(f"  recalibrate: {arrival['reason']}")
        recalibrate(store, labelled, arrival["version"], index, config)
    return _recalibrated(arrival)


def _was_recalibrated(store: "MonitoringStore", index: int, config: MonitorConfig) -> bool:
    from adapters.label_arrival import labelled_entry

    if config.label_delay == 0:  # its outcomes came after its scores, too late to recalibrate first
        return False
    labelled = labelled_entry(store.ledger().entries, index, config.label_delay)
    return _recalibrated(store.arrival(labelled.batch) if labelled else None)


def _recalibrated(arrival: dict[str, Any] | None) -> bool:
    return arrival is not None and arrival["action"] == "recalibrate"
