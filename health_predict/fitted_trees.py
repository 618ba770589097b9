"""Reads the trees of a fitted classifier into flat arrays that compare as its library does, to the bit."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import RandomForestClassifier

from health_predict.trees import Floats, Integers, Trees

Thresholds = npt.NDArray[np.float32]


def read_trees(estimator: Any) -> Trees:  # noqa: ANN401 - neither library has stubs
    """Read a RandomForestClassifier, whose sum is a probability, or an XGBClassifier, whose sum is a log-odds."""
    if isinstance(estimator, RandomForestClassifier):
        share = 1 / len(estimator.estimators_)
        return _join([_forest_tree(tree.tree_, share) for tree in estimator.estimators_], 0.0)
    model = json.loads(estimator.get_booster().save_raw("json"))["learner"]
    trees = model["gradient_booster"]["model"]["trees"]
    start = float(model["learner_model_param"]["base_score"].strip("[]"))  # XGBoost 3 writes a list
    return _join([_boosted_tree(tree) for tree in trees], float(np.log(start / (1 - start))))


@dataclass(frozen=True)
class _Nodes:
    """One tree as its library numbers it, (n,) a node; children are negative at a leaf."""

    left: Integers
    right: Integers
    feature: Integers
    threshold: Thresholds
    value: Floats


def _forest_tree(tree: Any, share: float) -> _Nodes:  # noqa: ANN401
    counts = tree.value[:, 0, :]
    value = counts[:, 1] / counts.sum(axis=1) * share
    return _Nodes(tree.children_left, tree.children_right, tree.feature, _rounded_down(tree.threshold), value)


def _rounded_down(threshold: Floats) -> Thresholds:
    """The largest float32 that is not above: a float32 value is at or below both or neither."""
    nearest = threshold.astype(np.float32)
    return np.where(nearest > threshold, np.nextafter(nearest, np.float32(-np.inf)), nearest)


def _boosted_tree(tree: dict[str, Any]) -> _Nodes:
    left, right, feature = (np.array(tree[name]) for name in ("left_children", "right_children", "split_indices"))
    conditions = np.array(tree["split_conditions"], np.float32)  # at a leaf: its value
    value, cover = conditions.astype(np.float64), np.array(tree["sum_hessian"], np.float64)
    for node in np.flatnonzero(left >= 0)[::-1]:  # children are numbered after their parent
        sides = [left[node], right[node]]
        value[node] = np.average(value[sides], weights=cover[sides])
    # what is below the condition goes left, what is at it goes right
    return _Nodes(left, right, feature, np.nextafter(conditions, np.float32(-np.inf)), value)


def _join(trees: Sequence[_Nodes], base: float) -> Trees:
    parts = [_breadth_first(tree) for tree in trees]
    feature, threshold, ends, expected, leaf = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return Trees(np.array([len(part[0]) for part in parts]), feature, threshold, ends, expected, leaf, base)


def _breadth_first(tree: _Nodes) -> tuple[Integers, Thresholds, npt.NDArray[np.bool_], Floats, Floats]:
    """Return feature, threshold, ends, expected and leaf of one tree."""
    if tree.left[0] < 0:  # a single leaf becomes a split whose sides agree
        value = tree.value[:1]
        return np.zeros(1, np.int64), np.zeros(1, np.float32), np.ones((1, 2), bool), value, np.repeat(value, 2)
    level, levels, all_sides = np.zeros(1, np.int64), [], []
    while len(level):
        levels.append(level)
        sides = np.stack([tree.left[level], tree.right[level]], axis=1)
        all_sides.append(sides)
        level = sides[tree.left[sides] >= 0]
    splits, sides = np.concatenate(levels), np.concatenate(all_sides)
    ends = tree.left[sides] < 0
    return tree.feature[splits], tree.threshold[splits], ends, tree.value[splits], tree.value[sides[ends]]
