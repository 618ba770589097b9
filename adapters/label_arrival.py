"""What the outcomes that arrive with a batch say about the champion, before it scores that batch."""

from typing import Any

from adapters.champion_scoring import manifest_of, reference_of, scores_of
from adapters.monitoring_store import MonitoringStore
from configs.monitor import MonitorConfig
from health_predict.columns import PATIENT
from health_predict.monitoring.action import decide_recalibration
from health_predict.monitoring.deciding import history
from health_predict.monitoring.decision import Rule, judge_labels
from health_predict.monitoring.group_records import group_records
from health_predict.monitoring.ledger import Entry
from health_predict.monitoring.maturity import matured, newly_matured
from health_predict.monitoring.performance import measure_performance
from health_predict.release import Release
from health_predict.slices import slice_performance
from health_predict.target import readmitted_binary


def labelled_entry(entries: tuple[Entry, ...], index: int, delay: int) -> Entry | None:
    """Return the batch whose outcomes arrive with batch `index`; None if there is none yet."""
    position = newly_matured(index, delay)
    return entries[position] if position is not None and position < len(entries) else None


def measure_arrival(
    store: MonitoringStore, labelled: Entry, index: int, config: MonitorConfig, release: Release
) -> dict[str, Any]:
    """Compare the outcomes of a batch with the champion's scores, and decide whether it is recalibrated first.

    Measured once: what an interrupted run measured is returned again.
    """
    known = store.arrival(labelled.batch)
    if known is not None:
        return known
    source, entries = store.source_or_fail(), store.ledger().entries
    rows = store.labelled([labelled.batch], current=index, delay=config.label_delay)[0]
    y = readmitted_binary(rows, source.target)
    probability = scores_of(store, labelled.batch, release)["probability"].to_numpy()
    reference = reference_of(release)
    performance = measure_performance(reference, y, probability, rows[PATIENT])
    decision = decide_recalibration(
        judge_labels(reference, performance, Rule(**config.rule.model_dump())),
        history(entries[:index]),
        config.action_settings(),
        matured_rows=sum(e.records["seen"]["rows"] for e in matured(entries, index, config.label_delay)),
    )
    threshold = manifest_of(release.model_version)["threshold"]
    slices = slice_performance(rows, y, probability, threshold=threshold, seed=config.seed)
    arrival = {
        "labelled": labelled.batch,
        "version": release.model_version,
        "performance": performance.as_dict(),
        "slices": group_records(slices),
        **decision.as_dict(),
    }
    store.keep_arrival(labelled.batch, arrival)
    return arrival
