"""The card says what is stored, and nothing about fewer than eleven patients."""

from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pytest

from health_predict.evaluation import Interval
from health_predict.model_card import CardSource, model_card
from health_predict.monitoring.history import read_history
from health_predict.monitoring.monitored import NAMES
from health_predict.monitoring.null import Null, SizeNull
from health_predict.monitoring.reference import Reference, ScoreSummary
from health_predict.slices import Slice, tell
from tests.health_predict.monitoring import invented_ledger as invented

SCORES = (
    "auroc",
    "auprc",
    "brier",
    "f1",
    "ece",
    "calibration_slope",
    "calibration_intercept",
    "recall_at_10",
    "recall_at_20",
)


def interval(value: float) -> dict[str, float]:
    return {"value": value, "low": value - 0.02, "high": value + 0.02}


def part(name: str, rows: int) -> dict[str, Any]:
    metrics = {score: interval(0.7) for score in SCORES}
    return {"name": name, "rows": rows, "patients": rows - 9, "positives": rows // 2, "metrics": metrics}


def group(column: str, name: str, rows: int, auroc: float, missed: float, gap: float) -> dict[str, Any]:
    figures = (Interval(**interval(value)) for value in (auroc, missed, gap))
    return asdict(tell(Slice(column, name, rows, rows, 0.5, 0.5 - gap, *figures)))


def reference() -> Reference:
    draws = np.zeros(2000)
    scores = ScoreSummary(0.5, 0.5, 0.7, 0.0, 0.0, (), ())
    null = Null((SizeNull(250, draws, draws, draws, draws, draws),))
    importances = dict.fromkeys(NAMES, 0.0) | {"number_inpatient": 0.6, "age": 0.4}
    return Reference(16_925, 1.3, (), (), (), importances, scores, null)


@pytest.fixture
def source() -> CardSource:
    slices = [
        group("race", "Asian", 12, 0.1, 0.9, 0.3),
        group("race", "Caucasian", 2200, 0.70, 0.33, 0.00),
        group("age", "80+", 435, 0.61, 0.30, -0.02),
        group("age", "<40", 268, 0.80, 0.41, 0.05),
    ]
    manifest = {
        "target": "within_30_days",
        "family": "random_forest",
        "parameters": {"criterion": "gini"},
        "size": 150,
        "feature_order": ["a", "b"],
        "columns": ["a"],
        "threshold": 0.4728,
        "created_at": "2026-11-26T01:21:49+00:00",
        "run_id": "run-1",
        "provenance": "uci",
        "rows": 16_925,
        "data_sha256": "0689e7ec031237dc",
        "calibration": {"slope": 1.117, "intercept": 0.015},
        "versions": {"numpy": "2.4.6"},
        "format": 2,
    }
    return CardSource(
        version="1",
        tags={"status": "champion", "promotion_reason": "promoted: first model"},
        manifest=manifest,
        evaluation={"parts": [part("out of fold", 16_925), part("test", 3047)], "slices": slices},
        evaluated="1",
        evaluated_on="15 % of the patients",
        reference=reference(),
        changes=invented.changes(),
        history=read_history(invented.ledger(6), invented.changes()),
    )


def test_it_says_what_is_stored(source: CardSource) -> None:
    card = model_card(source)
    for words in (
        "Not for clinical use",
        "readmitted within 30 days",
        "0.700 (0.680 to 0.720)",
        "number_inpatient 60%, age 40%",
        "numpy 2.4.6",
        "promoted: first model",
        "3,038 patients",
        "6 batches were monitored",
    ):
        assert words in card


def test_the_weakest_groups_are_named_and_small_ones_are_not(source: CardSource) -> None:
    weakest = next(line for line in model_card(source).splitlines() if line.startswith("Weakest"))
    assert "ranks worst in age 80+" in weakest
    assert "misses most in age <40" in weakest
    assert "furthest off in age <40" in weakest


def test_a_figure_of_few_outcomes_is_not_told(source: CardSource) -> None:
    row = next(line for line in model_card(source).splitlines() if "| Asian |" in line)
    assert row.count("too few") == 4  # six of twelve: their rate, AUROC, miss rate and gap
    assert "50.0%" not in row


def test_a_recalibrated_version_says_whose_scores_it_shows(source: CardSource) -> None:
    tags = {**source.tags, "recalibration": "recalibrated: intercept moved by -0.43 on 5,000 encounters"}
    card = model_card(replace(source, version="2", tags=tags))
    assert "Version 2 has the order of version 1" in card
    assert "intercept moved by -0.43" in card
    assert "Version 2 has the order" not in model_card(source)


def test_synthetic_data_and_injected_shifts_are_said(source: CardSource) -> None:
    invented_data = replace(source, manifest={**source.manifest, "provenance": "synthetic"})
    assert "SYNTHETIC" in model_card(invented_data)
    shifted = replace(source, tags={**source.tags, "injected_shifts": "a1c:1.0"})
    assert "learnt from injected shifts" in model_card(shifted)
    assert "SYNTHETIC" not in model_card(source)
