"""Why a record scored as it did: what each declared feature added to the raw, uncalibrated score.

Linear models: coefficient times value. Trees: at every split on the record's way down, what the mean of the leaves
below changed by (Saabas, "Interpreting random forests", 2014), so that the contributions add up exactly, for each tree
and for their sum. Neither says what would happen if a value were another. No pandas, no scikit-learn.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from health_predict.trees import Floats, Trees

Unit = Literal["log-odds", "probability"]
Vector = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Explanation:
    """The additive contributions to one raw score; none of the record's values.

    Attributes:
        unit: of all numbers here.
        base: the score before any feature is looked at.
        raw_score: base plus all contributions.
        contributions: of every declared feature, the largest in size first.
    """

    unit: Unit
    base: float
    raw_score: float
    contributions: tuple[tuple[str, float], ...]

    @property
    def score(self) -> float:
        """The raw score in 0..1, as the estimator gives it."""
        if self.unit == "probability":
            return self.raw_score
        return 1 / (1 + math.exp(min(-self.raw_score, 700.0)))  # exp overflows beyond 709


@dataclass(frozen=True)
class LinearExplainer:
    """Explains a linear model by its (d,) coefficients."""

    coefficients: Floats
    base: float
    unit: Unit = "log-odds"

    def contributions(self, vector: Vector) -> Floats:
        """Return what each of the d columns adds to the score of an encoded (d,) record."""
        return self.coefficients * vector


class TreeExplainer:
    """Explains an ensemble of trees, whose sum is in `unit`. Keeps 11 bytes a node."""

    def __init__(self, trees: Trees, unit: Unit) -> None:
        self.unit = unit
        self.base = float(trees.base + trees.expected[trees.roots].sum(dtype=np.float64))
        self._roots, self._feature, self._threshold = trees.roots, trees.feature, trees.threshold
        self._next = np.where(trees.ends, ~trees.sides, trees.sides)
        self._value = np.concatenate([trees.expected, trees.leaf[::-1]])  # leaf n is at place ~n

    def contributions(self, vector: Vector) -> Floats:
        """Return what each of the d columns adds to the score of an encoded (d,) record.

        All trees go down side by side, a level at a time.
        """
        added = np.zeros(len(vector))
        at, value = self._roots, self._value[self._roots].astype(np.float64)
        while len(at):
            feature = self._feature[at]
            at = self._next[at, (vector[feature] > self._threshold[at]).astype(np.intp)]
            value, before = self._value[at].astype(np.float64), value
            added += np.bincount(feature, value - before, len(vector))
            goes_on = at >= 0
            at, value = at[goes_on], value[goes_on]
        return added


Explainer = LinearExplainer | TreeExplainer


def explain(explainer: Explainer, vector: Vector, sources: Sequence[str]) -> Explanation:
    """Explain the score of one encoded (d,) record.

    Args:
        sources: (d,) the declared feature that each column of the matrix comes from; their columns are added up.
    """
    totals: dict[str, float] = dict.fromkeys(sources, 0.0)
    for source, added in zip(sources, explainer.contributions(vector).tolist(), strict=True):
        totals[source] += added
    ordered = sorted(totals.items(), key=lambda item: -abs(item[1]))
    raw_score = math.fsum([explainer.base, *totals.values()])
    return Explanation(explainer.unit, explainer.base, raw_score, tuple(ordered))
