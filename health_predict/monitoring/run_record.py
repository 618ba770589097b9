"""What an experiment tracker is told about a monitored batch, read from its ledger records. Figures and names only."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from health_predict.monitoring.decision import DriftVerdict
from health_predict.monitoring.ledger import Entry

Record = Mapping[str, Any]
_MOST = 500  # characters of a tag


@dataclass(frozen=True)
class RunRecord:
    """One run: what the batch is, what was measured, and what was concluded."""

    params: Mapping[str, str]
    metrics: Mapping[str, float]
    tags: Mapping[str, str]


def run_record(entry: Entry, checked: Record, *, false_alarm_rate: float) -> RunRecord:
    """Describe a scored batch by the record that its check has given.

    Metrics that are not known are left out: those of alarms that were not tested, and of labels that have not matured.
    `number_of_drifting_features` and `drift_share` are Evidently's, `deviating_columns` are those of the column alarm.
    """
    seen, scored = entry.records["seen"], entry.records["scored"]
    verdict = DriftVerdict.from_dict(checked["verdict"])
    params = {
        "batch": entry.batch,
        "index": seen["index"],
        "rows": seen["rows"],
        "shift": seen.get("shift") or "none",
        "model_version": scored["version"],
        "model_run_id": scored["run_id"],
        "rule": verdict.rule,
        "false_alarm_rate": false_alarm_rate,
        "labelled_batch": checked.get("labelled") or "none",
    }
    metrics = {**_of_verdict(verdict), **_of_scores(scored), **_of_labels(checked), **_of_evidently(checked)}
    return RunRecord(
        params={name: str(value) for name, value in params.items()},
        metrics={name: float(value) for name, value in metrics.items() if value is not None and math.isfinite(value)},
        tags=_tags(entry, checked, verdict),
    )


def outcome_tags(entry: Entry) -> dict[str, str]:
    """Say what was decided on a batch and what came of it, as far as it is known."""
    decided, outcome = entry.records.get("decided", {}), entry.outcome or {}
    named = {
        "action": decided.get("action"),
        "action_reason": decided.get("reason"),
        "outcome": outcome.get("result"),
        "outcome_version": outcome.get("version"),
        "outcome_reason": outcome.get("reason"),
        "served_version": outcome.get("served"),
    }
    return {name: _short(str(value)) for name, value in named.items() if value is not None}


def _tags(entry: Entry, checked: Record, verdict: DriftVerdict) -> dict[str, str]:
    reports = (checked.get("evidently") or {}).get("reports") or {}
    return {
        "verdict": verdict.verdict,
        "reason": _short(verdict.reason),
        "columns": _short(", ".join(verdict.columns)),
        "provenance": entry.records["seen"]["provenance"],
        **{f"report.{name}": str(place) for name, place in sorted(reports.items())},
    }


def _of_verdict(verdict: DriftVerdict) -> dict[str, float]:
    metrics: dict[str, float] = {
        "data_drift_detected": verdict.verdict == "DRIFT_DETECTED",
        "judged": verdict.judged,
        "deviating_columns": len(verdict.columns),
        "labelled_rows": verdict.labelled_rows,
    }
    for alarm in verdict.alarms:
        metrics |= {
            f"{alarm.name}_statistic": alarm.statistic,
            f"{alarm.name}_threshold": alarm.threshold,
            f"{alarm.name}_p_value": alarm.p_value,
            f"{alarm.name}_alarm": alarm.raised,
        }
    return metrics


def _of_scores(scored: Record) -> dict[str, float | None]:
    return {"mean_score": scored["mean"], "expected_auroc": scored.get("expected_auroc")}


def _of_labels(checked: Record) -> dict[str, float | None]:
    """What the newest matured labels say, of which batch stands in the parameters."""
    performance = checked.get("performance")
    if not performance:
        return {}
    auroc = performance["auroc"] or {}
    return {
        "realised_auroc": auroc.get("value"),
        "realised_auroc_low": auroc.get("low"),
        "realised_auroc_high": auroc.get("high"),
        "labelled_expected_auroc": checked.get("labelled_expected_auroc"),
        "observed_rate": performance["observed"],
        "predicted_rate": performance["predicted"],
    }


def _of_evidently(checked: Record) -> dict[str, float | None]:
    found = checked.get("evidently") or {}
    return {"number_of_drifting_features": found.get("drifted"), "drift_share": found.get("share")}


def _short(text: str) -> str:
    return text if len(text) <= _MOST else f"{text[: _MOST - 1]}…"
