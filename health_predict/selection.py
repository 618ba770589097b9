"""Picks the winner by patient-grouped cross-validation, and what follows from its out-of-fold scores."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from joblib import Parallel, delayed
from sklearn.metrics import f1_score, roc_curve
from sklearn.model_selection import GroupKFold

from health_predict.calibration import fit_calibration
from health_predict.columns import PATIENT
from health_predict.engineer import engineer
from health_predict.errors import InputError
from health_predict.families import Configuration, fit
from health_predict.model import TrainedModel
from health_predict.preprocessor import fit_preprocessor, transform
from health_predict.target import Target, readmitted_binary
from health_predict.trials import METRICS, Metric

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int8]


@dataclass(frozen=True)
class Candidate:
    """A configuration at the size at which its trial did best."""

    configuration: Configuration
    size: int


@dataclass(frozen=True)
class CandidateScore:
    """A candidate's score per fold, and its (n,) out-of-fold scores, not calibrated."""

    candidate: Candidate
    folds: tuple[float, ...]
    out_of_fold: Floats

    @property
    def mean(self) -> float:
        """Mean over the folds."""
        return float(np.mean(self.folds))

    @property
    def spread(self) -> float:
        """Standard deviation over the folds."""
        return float(np.std(self.folds))


@dataclass(frozen=True)
class Selection:
    """The chosen candidate and why."""

    metric: Metric
    chosen: CandidateScore
    scores: tuple[CandidateScore, ...]
    reason: str


def cross_validate(
    candidates: Sequence[Candidate],
    frame: pd.DataFrame,
    target: Target,
    *,
    metric: Metric,
    folds: int,
    seed: int,
    threads: int,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[CandidateScore, ...]:
    """Score candidates on folds that share no patient; the preprocessor is fitted anew in each.

    Args:
        frame: the initial train and validation encounters.
        threads: fits run side by side; they release the interpreter's lock.
        progress: called with fits done and fits in all.
    """
    y, engineered = readmitted_binary(frame, target), engineer(frame)
    splitter = GroupKFold(n_splits=folds, shuffle=True, random_state=seed)
    patients = frame[PATIENT].to_numpy()
    parts = list(splitter.split(engineered, y, patients))
    matrices = [_fold_matrices(engineered, y, patients, train, held_out, seed) for train, held_out in parts]
    jobs = [(c, fold) for c in range(len(candidates)) for fold in range(folds)]

    def predicted(candidate: Candidate, fold: int) -> Floats:
        train, (X, X_held_out) = parts[fold][0], matrices[fold]
        estimator = fit(candidate.configuration, candidate.size, X, y[train], threads=1)
        return np.asarray(estimator.predict_proba(X_held_out)[:, 1], dtype=np.float64)

    calls = (delayed(predicted)(candidates[c], fold) for c, fold in jobs)
    out_of_fold = np.empty((len(candidates), len(y)))
    results = Parallel(n_jobs=threads, prefer="threads", return_as="generator")(calls)
    for done, ((c, fold), scores) in enumerate(zip(jobs, results, strict=True), start=1):
        out_of_fold[c, parts[fold][1]] = scores
        if progress is not None:
            progress(done, len(jobs))
    return tuple(
        CandidateScore(
            candidate,
            tuple(METRICS[metric](y[held_out], scores[held_out]) for _, held_out in parts),
            scores,
        )
        for candidate, scores in zip(candidates, out_of_fold, strict=True)
    )


def _fold_matrices(
    engineered: pd.DataFrame,
    y: Labels,
    patients: npt.NDArray[np.int64],
    train: npt.NDArray[np.intp],
    held_out: npt.NDArray[np.intp],
    seed: int,
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    preprocessor, X = fit_preprocessor(engineered.iloc[train], y[train], patients[train], seed)
    return X, transform(preprocessor, engineered.iloc[held_out])


def select(scores: Sequence[CandidateScore], metric: Metric) -> Selection:
    """Choose the highest mean over the folds; of equals the first, which is the simpler family."""
    chosen = max(scores, key=lambda score: score.mean)
    family = chosen.candidate.configuration.family
    others = [score.mean for score in scores if score.candidate.configuration.family != family]
    margin = f", {chosen.mean - max(others):+.4f} against the best other family" if others else ""
    reason = (
        f"{family}: {metric} {chosen.mean:.4f} +- {chosen.spread:.4f} over {len(chosen.folds)} folds by patient{margin}"
    )
    return Selection(metric, chosen, tuple(scores), reason)


def refit(
    selection: Selection, frame: pd.DataFrame, target: Target, *, rule: str, seed: int, threads: int
) -> TrainedModel:
    """Fit the winner on all of `frame`; calibration and threshold come from its out-of-fold scores.

    Raises:
        InputError: the out-of-fold scores rise where the outcome is rarer: there is nothing to learn in the data.
    """
    y, engineered = readmitted_binary(frame, target), engineer(frame)
    preprocessor, X = fit_preprocessor(engineered, y, frame[PATIENT], seed)
    chosen = selection.chosen
    calibration = fit_calibration(y, chosen.out_of_fold)
    if calibration.slope <= 0:
        raise InputError(f"no model predicts the target '{target}' from these data; check the labels")
    configuration, size = chosen.candidate.configuration, chosen.candidate.size
    return TrainedModel(
        configuration=configuration,
        size=size,
        target=target,
        preprocessor=preprocessor,
        estimator=fit(configuration, size, X, y, threads=threads),
        calibration=calibration,
        threshold=decision_threshold(y, calibration.apply(chosen.out_of_fold), rule),
    )


def decision_threshold(y: Labels, probability: Floats, rule: str) -> float:
    """Find the threshold on labelled (n,) probabilities.

    Args:
        rule: "youden" maximises sensitivity + specificity, "f1" maximises F1 over 199 quantiles.
    """
    if rule == "f1":
        grid = np.unique(np.quantile(probability, np.linspace(0.005, 0.995, 199)))
        return float(grid[np.argmax([f1_score(y, probability >= threshold) for threshold in grid])])
    false_rate, true_rate, thresholds = roc_curve(y, probability)
    return float(np.clip(thresholds[np.argmax(true_rate - false_rate)], 0.0, 1.0))
