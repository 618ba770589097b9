"""Judges a trained model from its scored encounters: what the pages, the tracking and the result table show."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import pandas as pd

from health_predict.columns import PATIENT
from health_predict.evaluation import Evaluation, evaluate
from health_predict.pages import CandidateRow, EvaluationReport, ModelFacts, Scored
from health_predict.slices import slice_performance, tell
from health_predict.training import OUT_OF_FOLD, TEST

_FINGERPRINT = 12  # characters of a SHA-256 that tell data sets apart


def build_report(
    run: Mapping[str, Any], scores: pd.DataFrame, summary: Mapping[str, Any], *, draws: int, seed: int
) -> EvaluationReport:
    """Evaluate the out-of-fold and the test part of `scores` (see `Training`).

    Args:
        run: what `describe` says of the model, with run_id and created_at.
        summary: provenance and sha256 of the data.
    """
    test, out_of_fold = scores[scores["part"] == TEST], scores[scores["part"] == OUT_OF_FOLD]
    threshold = float(run["threshold"])

    def evaluated(part: pd.DataFrame, column: str) -> Evaluation:
        return evaluate(part["y"], part[column], part[PATIENT], threshold=threshold, seed=seed, draws=draws)

    return EvaluationReport(
        facts=_facts(run, summary),
        metric=run["metric"],
        candidates=tuple(_candidate(candidate) for candidate in run["candidates"]),
        validation=evaluated(out_of_fold, "probability"),
        test=evaluated(test, "probability"),
        uncalibrated=evaluated(test, "raw"),
        scored=Scored(*(test[column].to_numpy() for column in ("y", "raw", "probability", PATIENT))),
        slices=tuple(
            map(tell, slice_performance(test, test["y"], test["probability"], threshold=threshold, seed=seed))
        ),
    )


def as_dict(report: EvaluationReport) -> dict[str, Any]:
    """Lay the scores out as plain data: provenance, one part for out-of-fold and test each, and the slices."""
    parts = [
        {
            "name": name,
            **asdict(evaluation),
            "metrics": {key: asdict(value) for key, value in evaluation.metrics.items()},
        }
        for name, evaluation in (("out of fold", report.validation), ("test", report.test))
    ]
    return {
        "provenance": report.facts.provenance,
        "target": report.facts.target,
        "parts": parts,
        "slices": [asdict(group) for group in report.slices],
    }


def tracked_metrics(report: EvaluationReport) -> dict[str, float]:
    """Name every score with its interval, as test_auroc, test_auroc_low and test_auroc_high."""
    named = {"oof": report.validation, "test": report.test}
    return {
        f"{part}_{name}{suffix}": value
        for part, evaluation in named.items()
        for name, interval in evaluation.metrics.items()
        for suffix, value in (("", interval.value), ("_low", interval.low), ("_high", interval.high))
    }


def _facts(run: Mapping[str, Any], summary: Mapping[str, Any]) -> ModelFacts:
    return ModelFacts(
        name="HealthPredict",
        family=run["family"],
        version="not registered yet",
        run_id=run["run_id"],
        target=run["target"],
        provenance=summary["provenance"],
        fingerprint=summary["sha256"][:_FINGERPRINT],
        created_at=run["created_at"],
    )


def _candidate(candidate: Mapping[str, Any]) -> CandidateRow:
    parameters = ", ".join(f"{key} {value}" for key, value in candidate["parameters"].items())
    return CandidateRow(
        family=candidate["family"],
        parameters=f"size {candidate['size']}, {parameters}",
        mean=candidate["mean"],
        spread=candidate["spread"],
        chosen=candidate["chosen"],
    )
