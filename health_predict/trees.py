"""The trees of an ensemble as flat arrays, the same for forests and boosted trees. No scikit-learn, no XGBoost."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating[Any]]
Integers = npt.NDArray[np.integer[Any]]


@dataclass(frozen=True)
class Trees:
    """t trees with s splits and s + t leaves in all, each tree breadth first and with at least one split.

    Attributes:
        splits: (t,) how many splits each tree has.
        feature: (s,) the column of the matrix that a split compares.
        threshold: (s,) float32; a float32 value at or below it goes left.
        ends: (s, 2) whether the left and the right side is a leaf. Read row by row, the n-th that is one is leaf n,
            and the others are the splits that are not the first of their tree, in order.
        expected: (s,) the mean of the leaves below a split, weighted by the training rows that reached them.
        leaf: (s + t,) what a leaf adds to the sum of the ensemble.
        base: what the sum starts from.
    """

    splits: Integers
    feature: Integers
    threshold: npt.NDArray[np.float32]
    ends: npt.NDArray[np.bool_]
    expected: Floats
    leaf: Floats
    base: float

    def __post_init__(self) -> None:
        s, t = len(self.feature), len(self.splits)
        lengths = (len(self.threshold), self.ends.shape, len(self.expected), len(self.leaf), int(self.splits.sum()))
        if t == 0 or lengths != (s, (s, 2), s, s + t, s) or self.splits.min() < 1:
            raise ValueError("arrays of trees do not fit each other")
        if self.ends.sum() != s + t or np.any((self.sides <= np.arange(s)[:, None]) & ~self.ends):
            raise ValueError("arrays of trees do not form trees")

    @cached_property
    def roots(self) -> Integers:
        """(t,) the first split of each tree."""
        return np.cumsum(self.splits) - self.splits

    @cached_property
    def sides(self) -> Integers:
        """(s, 2) where the left and the right side of a split goes on: the number of a split or of a leaf."""
        ends = self.ends.ravel()
        tree = np.repeat(np.arange(len(self.splits)), 2 * self.splits)
        return np.where(ends, np.cumsum(ends) - 1, np.cumsum(~ends) + tree).reshape(-1, 2).astype(np.int32)
