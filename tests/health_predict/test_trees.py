from dataclasses import replace

import numpy as np
import pytest

from health_predict.trees import Trees

# first tree: a split whose left side is another split; second tree: one split
TREES = Trees(
    splits=np.array([2, 1]),
    feature=np.array([0, 1, 2]),
    threshold=np.array([0.5, 1.5, -1.0], np.float32),
    ends=np.array([[False, True], [True, True], [True, True]]),
    expected=np.array([0.4, 0.2, 0.0]),
    leaf=np.array([0.7, 0.1, 0.3, -1.0, 1.0]),
    base=0.0,
)


def test_sides_are_numbered_in_the_order_they_come() -> None:
    assert TREES.roots.tolist() == [0, 2]
    assert TREES.sides.tolist() == [[1, 0], [1, 2], [3, 4]]


@pytest.mark.parametrize(
    "damage",
    [
        {"splits": np.array([], int)},
        {"splits": np.array([3, 0])},
        {"splits": np.array([2, 2])},
        {"threshold": TREES.threshold[:2]},
        {"leaf": TREES.leaf[:4]},
        {"ends": TREES.ends[:2]},
        {"expected": TREES.expected[1:]},
    ],
)
def test_arrays_that_do_not_fit_are_refused(damage) -> None:
    with pytest.raises(ValueError, match="fit"):
        replace(TREES, **damage)


@pytest.mark.parametrize(
    "ends",
    [
        np.ones((3, 2), bool),  # a split that nothing leads to
        np.array([[True, True], [False, True], [True, True]]),  # a split that leads to itself
    ],
)
def test_a_walk_that_would_not_end_is_refused(ends) -> None:
    with pytest.raises(ValueError, match="do not form trees"):
        replace(TREES, ends=ends)
