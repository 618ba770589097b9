"""Checks one monitored batch with everything that is known at its turn, and records the check in MLflow."""

from typing import Any

import pandas as pd

from adapters.champion_scoring import manifest_of, reference_of, scores_of
from adapters.evidently_reports import EvidentlyReports, Matured, Scores, build_reports, validator_of_stack
from adapters.label_arrival import labelled_entry, measure_arrival
from adapters.mlflow_registry import MODEL_NAME
from adapters.monitoring_store import MonitoringStore
from adapters.stack_connection import registry_of_stack
from configs.monitor import MonitorConfig
from health_predict.columns import PATIENT
from health_predict.monitoring.deciding import position
from health_predict.monitoring.decision import DriftVerdict, Rule, judge, too_small
from health_predict.monitoring.drift import Drift, measure_drift
from health_predict.monitoring.ledger import Entry, Ledger
from health_predict.monitoring.performance import Performance
from health_predict.monitoring.reference import Reference
from health_predict.monitoring.reporting import Labelled
from health_predict.pages.drift_summary import Subject
from health_predict.release import Release
from health_predict.target import readmitted_binary

SUMMARY = "summary.html"
REPORT_ROWS = 5000  # of the training window that Evidently compares with; it takes other tests below 1,000


def check(store: MonitoringStore, batch: str, config: MonitorConfig) -> dict[str, Any]:
    """Compare a scored batch with the reference of the version that scored it; return the record for the ledger."""
    ledger = store.ledger()
    entry = ledger.entries[position(ledger, batch)]
    if "checked" in entry.records:
        return dict(entry.records["checked"])
    scored = entry.records["scored"]
    release = Release(MODEL_NAME, scored["version"], scored["run_id"])
    reference, rows = reference_of(release), store.batch(batch)
    index = entry.records["seen"]["index"]
    labelled = labelled_entry(ledger.entries, index, config.label_delay)
    arrival = measure_arrival(store, labelled, index, config, release) if labelled else None
    performance = Performance.from_dict(arrival["performance"]) if arrival else None
    drift = measure_drift(reference, rows)
    reports = _reports(store, entry, rows, release, reference, labelled, config)
    verdict = _verdict(entry, config, reference, drift, performance, reports)
    return {
        "verdict": verdict.as_dict(),
        "columns": {column.column: [column.distance, column.deviation] for column in drift.columns},
        "evidently": _kept(store, batch, reports),
        **_outcomes(labelled, arrival),
    }


def _verdict(
    entry: Entry,
    config: MonitorConfig,
    reference: Reference,
    drift: Drift,
    performance: Performance | None,
    reports: EvidentlyReports,
) -> DriftVerdict:
    rule = Rule(**config.rule.model_dump())
    if not entry.records["seen"]["large_enough"]:
        return too_small(drift.rows, config.minimum, rule)
    return judge(reference, drift, performance, rule, drift_share=reports.share)


def _outcomes(labelled: Entry | None, arrival: dict[str, Any] | None) -> dict[str, Any]:
    if labelled is None or arrival is None:
        return {"labelled": None, "performance": None, "slices": None}
    return {
        "labelled": labelled.batch,
        "labelled_index": labelled.records["seen"]["index"],
        "labelled_expected_auroc": labelled.records["scored"]["expected_auroc"],
        "performance": arrival["performance"],
        "slices": arrival["slices"],
    }


def _reports(
    store: MonitoringStore,
    entry: Entry,
    rows: pd.DataFrame,
    release: Release,
    reference: Reference,
    labelled: Entry | None,
    config: MonitorConfig,
) -> EvidentlyReports:
    probability = scores_of(store, entry.batch, release)["probability"].to_numpy()
    provenance = entry.records["seen"]["provenance"]
    return build_reports(
        validator_of_stack(),
        reference_rows(store, release.model_version),
        rows,
        Subject(entry.batch, release.model_version, provenance, entry.records["seen"]["shift"]),
        scores=Scores(reference.scores, probability),
        matured=_matured(store, entry, labelled, release, config) if labelled else None,
        share_needed=config.rule.drift_share,
    )


def _matured(store: MonitoringStore, entry: Entry, labelled: Entry, release: Release, config: MonitorConfig) -> Matured:
    seen = entry.records["seen"]
    rows = store.labelled([labelled.batch], current=seen["index"], delay=config.label_delay)[0]
    outcomes = Labelled(
        probability=scores_of(store, labelled.batch, release)["probability"].to_numpy(),
        y=readmitted_binary(rows, store.source_or_fail().target),
        patients=rows[PATIENT].to_numpy(),
        threshold=float(manifest_of(release.model_version)["threshold"]),
    )
    subject = Subject(labelled.batch, release.model_version, seen["provenance"], labelled.records["seen"]["shift"])
    return Matured(outcomes, subject)


def reference_rows(store: MonitoringStore, version: str) -> pd.DataFrame:
    """Sample the training window: the initial encounters, with the matured ones where the version was retrained."""
    known = store.reference_rows(version)
    if known is not None:
        return known
    window = pd.concat([store.initial(), *_learnt(store, store.ledger(), version)], ignore_index=True)
    rows = window.sample(min(REPORT_ROWS, len(window)), random_state=0, ignore_index=True)
    store.keep_reference_rows(version, rows)
    return rows


def _learnt(store: MonitoringStore, ledger: Ledger, version: str) -> list[pd.DataFrame]:
    """Return the batches that a version learnt from: those that had matured when it, or what it was made from, was."""
    tags = registry_of_stack().find(version).tags
    if "recalibrated_from" in tags:
        return _learnt(store, ledger, tags["recalibrated_from"])
    kind, _, batch = tags.get("trigger", "").partition(":")
    entry = ledger.find(batch) if kind == "retrain" else None
    return [store.batch(matured) for matured in entry.records["decided"]["matured"]] if entry else []


def _kept(store: MonitoringStore, batch: str, reports: EvidentlyReports) -> dict[str, Any]:
    places = {name: store.keep_report(batch, name, html) for name, html in reports.pages.items()}
    store.keep_report(batch, SUMMARY, reports.summary)
    return {
        "share": reports.share,
        "drifted": reports.drifted,
        "columns": list(reports.columns),
        "reports": places,
        "notes": list(reports.notes),
    }
