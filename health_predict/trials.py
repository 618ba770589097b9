"""One trial of a search: a model grows and is scored on the validation rows after every growth."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt

from health_predict import bootstrap
from health_predict.families import SPACES, Configuration, Family, Labels, Matrix, start

Metric = Literal["auroc", "auprc", "f1"]
StopReason = Literal["finished", "stopped by ASHA", "failed"]


def auroc(y: npt.ArrayLike, score: npt.ArrayLike) -> float:
    """Return the area under the ROC curve, 0..1, NaN with one class only."""
    return float(bootstrap.weighted_auroc(y, score, _ones(y))[0])


def auprc(y: npt.ArrayLike, score: npt.ArrayLike) -> float:
    """Return the average precision, 0..1, NaN without positives."""
    return float(bootstrap.weighted_average_precision(y, score, _ones(y))[0])


def best_f1(y: npt.ArrayLike, score: npt.ArrayLike) -> float:
    """Return F1 at the threshold that is best on these very rows, 0..1."""
    truth, scores = np.asarray(y), np.asarray(score)
    order = np.argsort(-scores, kind="stable")
    last_of_ties = np.append(np.diff(scores[order]) != 0, True)  # a threshold cannot part equal scores
    hits = np.cumsum(truth[order], dtype=np.int64)[last_of_ties]
    alarms = (np.arange(len(truth)) + 1)[last_of_ties]
    return float(np.max(2 * hits / (alarms + truth.sum())))


def _ones(y: npt.ArrayLike) -> npt.NDArray[np.int8]:
    return np.ones((1, np.size(y)), dtype=np.int8)


METRICS: Mapping[Metric, Callable[[npt.ArrayLike, npt.ArrayLike], float]] = {
    "auroc": auroc,
    "auprc": auprc,
    "f1": best_f1,
}


@dataclass(frozen=True)
class SearchData:
    """Encoded rows: X (n, d) float32, y (n,) int8 of 0 and 1."""

    X_train: Matrix
    y_train: Labels
    X_validation: Matrix
    y_validation: Labels


class Trial:
    """A configuration in the course of its search."""

    def __init__(self, configuration: Configuration, data: SearchData, metric: Metric, *, threads: int) -> None:
        self._model = start(configuration, data.X_train, data.y_train, threads=threads)
        self._data, self._score = data, METRICS[metric]

    def report(self) -> float:
        """Grow once and score.

        Raises:
            ValueError: the score is not a number (a class is missing, or the model diverged).
        """
        self._model.grow()
        score = self._score(self._data.y_validation, self._model.predict(self._data.X_validation))
        if not np.isfinite(score):
            raise ValueError(f"the score at size {self._model.size} is not a number")
        return score


@dataclass(frozen=True)
class TrialResult:
    """What became of one configuration.

    Attributes:
        score: the best of `scores`; NaN if there is none.
        size: rounds, trees or epochs at that score (the smallest of equals); 0 if there is none.
        scores: one per report.
        seconds: in the model, without the search around it.
        failure: why it failed, one line; empty otherwise.
    """

    configuration: Configuration
    score: float
    size: int
    scores: tuple[float, ...]
    stop_reason: StopReason
    seconds: float
    failure: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return the result as plain JSON values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Return the result that `as_dict` wrote."""
        configuration, scores = Configuration(**values["configuration"]), tuple(values["scores"])
        return cls(**{**values, "configuration": configuration, "scores": scores})


def conclude(
    configuration: Configuration,
    scores: Sequence[float],
    stop_reason: StopReason,
    *,
    seconds: float,
    failure: str = "",
) -> TrialResult:
    """Sum a trial up: its best report counts, not its last."""
    best = int(np.argmax(scores)) if scores else None
    score = float("nan") if best is None else scores[best]
    size = 0 if best is None else (best + 1) * SPACES[configuration.family].growth
    return TrialResult(configuration, score, size, tuple(scores), stop_reason, seconds, failure)


def best_per_family(results: Sequence[TrialResult], top: int) -> tuple[TrialResult, ...]:
    """Return the `top` best trials of each family, best first, families by their best; failed ones never count."""
    ranked = sorted((r for r in results if r.stop_reason != "failed"), key=lambda r: (-r.score, r.configuration.name))
    families: dict[Family, list[TrialResult]] = {}
    for result in ranked:
        families.setdefault(result.configuration.family, []).append(result)
    return tuple(result for members in families.values() for result in members[:top])
