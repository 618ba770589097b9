"""Ledgers of invented batches as monitoring writes them, with every kind of thing that can happen to a champion."""

import json
from typing import Any

import numpy as np

from health_predict.champions import ChampionChange
from health_predict.evaluation import Interval
from health_predict.monitoring.decision import Alarm, DriftVerdict, Rule, too_small
from health_predict.monitoring.group_records import group_records
from health_predict.monitoring.ledger import STATES, Ledger
from health_predict.monitoring.monitored import NAMES
from health_predict.monitoring.performance import Performance
from health_predict.slices import Slice

# what batch 3, 6 and 8 led to: action, result, version
ACTIONS = {3: ("retrain", "promoted", "2"), 6: ("recalibrate", "promoted", "3"), 8: ("retrain", "refused", "4")}
ROLLED_BACK_AFTER = 10
GROUPS = (
    ("race", "Asian", 40),
    ("race", "Caucasian", 700),
    ("gender", "Female", 520),
    ("age", "<40", 60),
    ("age", "80+", 210),
)


def ledger(
    count: int, *, last: str = "settled", seed: int = 1, shifts: dict[int, str] | None = None, **seen: Any
) -> Ledger:
    """`count` settled batches of 1,000 rows, the last of them in the state `last`, and their labels one batch later."""
    rng, found = np.random.default_rng(seed), Ledger()
    for index in range(count):
        batch = identifier(index)
        records = _records(index, rng, (shifts or {}).get(index), **seen)
        found = found.see(batch, records["seen"])
        reached = STATES.index(last) if index == count - 1 and last != "settled" else len(STATES) - 1
        for state in STATES[1 : reached + 1]:
            found = found.advance(batch, state, records[state])
        if index < count - 1 or last == "settled":
            found = found.settle(batch, _outcome(index))
    return found


def identifier(index: int) -> str:
    return f"{index:04x}".ljust(16, "b")


def champion_at(index: int) -> str:
    """Who scored a batch: version 1, 2 from batch 4 on, 3 from 7, and 2 again from 11."""
    return "1" if index <= 3 else "2" if index <= 6 or index > ROLLED_BACK_AFTER else "3"


def changes() -> tuple[ChampionChange, ...]:
    told = (
        ("promotion", "1", None, "there was no champion"),
        ("promotion", "2", "1", "AUROC higher by 0.010"),
        ("promotion", "3", "2", "recalibrated: intercept moved by +0.12"),
        ("rollback", "2", "3", "asked for"),
    )
    return tuple(
        ChampionChange(i + 1, f"2026-01-0{i + 1}T03:00:00+00:00", kind, version, replaced, reason)
        for i, (kind, version, replaced, reason) in enumerate(told)
    )


def too_small_at_the_end(count: int) -> Ledger:
    """The same, and a last batch of 90 rows."""
    found, batch = ledger(count), identifier(count)
    records = _records(count, np.random.default_rng(0), None)
    records["checked"]["verdict"] = _plain(too_small(90, 250, Rule()).as_dict())
    found = found.see(batch, {**records["seen"], "rows": 90})
    for state in STATES[1:]:
        found = found.advance(batch, state, records[state])
    return found.settle(batch, _outcome(count))


def _records(index: int, rng: np.random.Generator, shift: str | None, **seen: Any) -> dict[str, dict[str, Any]]:
    labelled = index - 1 if index else None
    deviations = rng.normal(1, 1, len(NAMES)) + 0.3 * index * (np.arange(len(NAMES)) < 6) + (9 if shift else 0)
    order = np.argsort(-deviations)
    columns = {NAMES[i]: [round(float(rng.random() / 9), 4), round(float(deviations[i]), 3)] for i in order}
    performance = None if labelled is None else _performance(rng)
    action, _, _ = ACTIONS.get(index, ("none", "none", None))
    return {
        "seen": {"index": index, "rows": 1000, "provenance": "uci", "shift": shift, **seen},
        "scored": {
            "version": champion_at(index),
            "run_id": "r",
            "mean": rng.normal(0.45, 0.01),
            "expected_auroc": 0.68,
        },
        "checked": {
            "verdict": _plain(_verdict(columns, performance).as_dict()),
            "columns": columns,
            "performance": None if performance is None else performance.as_dict(),
            "labelled": None if labelled is None else identifier(labelled),
            "slices": None if labelled is None else group_records(slices(rng)),
            "evidently": {
                "share": 0.05,
                "drifted": 2,
                "columns": ["payer_code"],
                "reports": {"data_drift": f"drift_reports/{identifier(index)}/data_drift.html"},
            },
            "mlflow_run_id": f"mlflow{index}",
        },
        "decided": {
            "action": action,
            "reason": "no alarm",
            "reference": champion_at(index),
            "matured_rows": 1000 * index,
        },
    }


def _performance(rng: np.random.Generator) -> Performance:
    auroc, gap = rng.normal(0.67, 0.01), rng.normal(0.02, 0.02)
    interval = Interval(auroc, auroc - 0.03, auroc + 0.03)
    return Performance(1000, 0.45 + gap, 0.45, gap / 0.016, interval, 0.69 - auroc, 1.0)


def _verdict(columns: dict[str, list[float]], performance: Performance | None) -> DriftVerdict:
    largest = max(deviation for _, deviation in columns.values())
    tests: list[tuple[Any, float, float]] = [("column", largest, 4.5), ("impact", largest / 300, 0.02)]
    if performance is not None:
        tests += [("calibration", performance.calibration_z, 3.0), ("auroc", performance.auroc_loss, 0.05)]
    alarms = tuple(Alarm(name, found, allowed, 0.5, abs(found) > allowed) for name, found, allowed in tests)
    named = tuple(name for name, (_, deviation) in columns.items() if deviation > 4.5)
    raised = any(alarm.raised for alarm in alarms)
    reason = f"columns ({', '.join(named[:5])}) deviate" if raised else "no alarm of 4"
    verdict = "DRIFT_DETECTED" if raised else "NO_DRIFT"
    return DriftVerdict(verdict, reason, "calibrated", True, 1000, 1000 if performance else 0, named, alarms, 0.05)


def slices(rng: np.random.Generator) -> tuple[Slice, ...]:
    def made(column: str, group: str, rows: int) -> Slice:
        auroc = rng.normal(0.67, 0.02)
        return Slice(
            column,
            group,
            rows,
            rows,
            0.5,
            0.48,
            Interval(auroc, auroc - 0.1, auroc + 0.1),
            *[Interval(0.02, -0.05, 0.09)] * 2,
        )

    return tuple(made(*group) for group in GROUPS)


def _outcome(index: int) -> dict[str, Any]:
    _, result, version = ACTIONS.get(index, ("none", "none", None))
    reason = "AUROC lower by 0.010" if result == "refused" else ""
    return {"result": result, "version": version, "served": champion_at(index + 1), "reason": reason}


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    return dict(json.loads(json.dumps(values)))
