"""From the trials of a search to one trained model and the scores it is judged by."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import pandas as pd

from health_predict.columns import PATIENT
from health_predict.families import Configuration
from health_predict.model import Floats, TrainedModel
from health_predict.monitoring.importance import permutation_importance
from health_predict.monitoring.recalibration import recalibrate
from health_predict.monitoring.reference import Reference, build_reference
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


def trial_of(manifest: Mapping[str, Any], seed: int) -> TrialResult:
    """Return the configuration of an earlier model, by the manifest of its bundle, as the one trial of a search."""
    configuration = Configuration("champion", manifest["family"], manifest["parameters"], seed)
    return TrialResult(configuration, float("nan"), manifest["size"], (), "finished", seconds=0.0)


def reference_of(
    training: Training, initial: pd.DataFrame, *, sizes: Sequence[int], draws: int, seed: int
) -> Reference:
    """Sum up what the model is watched by: its training window, with the scores that it gave out of fold.

    Args:
        initial: the encounters that it was trained on.
        sizes, draws: of the null, see `build_reference`.
    """
    scores = training.scores[training.scores["part"] == OUT_OF_FOLD]
    importances = permutation_importance(training.model.probabilities, initial, seed=seed)
    return build_reference(
        initial, scores["y"], scores["probability"], importances, sizes=sizes, draws=draws, seed=seed
    )


def move_to_test(training: Training, reference: Reference) -> tuple[Training, Reference]:
    """Set the intercept to the share of positives of the test encounters, where these are the newest ones.

    A training window of several years mixes their rates, and the next encounters resemble the newest. No score changes
    its place, so that a comparison by AUROC on these encounters stays fair; their calibration is in-sample then.

    Raises:
        InputError: the test encounters have one outcome only.
    """
    test = training.scores[training.scores["part"] == TEST]
    found = recalibrate(training.model.calibration, reference, test["y"], test["raw"], test[PATIENT])
    model = replace(training.model, calibration=found.calibration)
    scores = training.scores.assign(probability=found.calibration.apply(training.scores["raw"]))
    told = f"{training.selection.reason}; intercept moved by {found.shift:+.2f} to the {len(test):,} newest encounters"
    selection = replace(training.selection, reason=told)
    return Training(model, selection, scores), found.reference


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
