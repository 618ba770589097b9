"""From the trials of a search to one trained model and the scores it is judged by."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

from health_predict.columns import PATIENT
from health_predict.model import Floats, TrainedModel
from health_predict.selection import Candidate, Selection, cross_validate, refit, select
from health_predict.target import Target, readmitted_binary
from health_predict.trials import Metric, TrialResult, best_per_family

OUT_OF_FOLD, TEST = "out_of_fold", "test"
SLICE_COLUMNS = ("race", "gender", "age")


@dataclass(frozen=True)
class Training:
    """A model, how it was selected, and its scored encounters.

    Attributes:
        scores: one row an encounter: part (out_of_fold or test), y, raw and calibrated probability, patient, and
            the columns of the slices.
    """

    model: TrainedModel
    selection: Selection
    scores: pd.DataFrame


def train(
    initial: pd.DataFrame,
    test: pd.DataFrame,
    trials: Sequence[TrialResult],
    *,
    target: Target,
    metric: Metric,
    candidates_per_family: int,
    folds: int,
    threshold: str,
    threads: int,
    seed: int,
    progress: Callable[[int, int], None] | None = None,
) -> Training:
    """Choose by cross-validation among the best trials, refit on all of `initial`, and score `test` once.

    Args:
        initial: the train and validation encounters.
    """
    candidates = [Candidate(t.configuration, t.size) for t in best_per_family(trials, candidates_per_family)]
    scored = cross_validate(
        candidates, initial, target, metric=metric, folds=folds, seed=seed, threads=threads, progress=progress
    )
    selection = select(scored, metric)
    model = refit(selection, initial, target, rule=threshold, seed=seed, threads=threads)
    parts = (
        _scores(model, initial, target, OUT_OF_FOLD, selection.chosen.out_of_fold),
        _scores(model, test, target, TEST, model.raw_scores(test)),
    )
    return Training(model, selection, pd.concat(parts, ignore_index=True))


def _scores(model: TrainedModel, frame: pd.DataFrame, target: Target, part: str, raw: Floats) -> pd.DataFrame:
    scores = frame[[PATIENT, *SLICE_COLUMNS]].assign(part=part, y=readmitted_binary(frame, target), raw=raw)
    return scores.assign(probability=model.calibration.apply(raw))


def describe(training: Training) -> dict[str, Any]:
    """Lay out the model and its selection as plain data, for artifacts, pages and the result table."""
    model, selection = training.model, training.selection
    return {
        "family": model.configuration.family,
        "parameters": dict(model.configuration.parameters),
        "size": model.size,
        "target": model.target,
        "threshold": model.threshold,
        "calibration": asdict(model.calibration),
        "metric": selection.metric,
        "reason": selection.reason,
        "candidates": [
            {
                "name": score.candidate.configuration.name,
                "family": score.candidate.configuration.family,
                "parameters": dict(score.candidate.configuration.parameters),
                "size": score.candidate.size,
                "mean": score.mean,
                "spread": score.spread,
                "chosen": score is selection.chosen,
            }
            for score in selection.scores
        ],
    }
