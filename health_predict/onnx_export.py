"""Writes a fitted estimator, after the encoding and without it, as ONNX: input X (n, d), output the score (n, 1).

Written node by node, since no general converter keeps to 1e-6: they round a forest's sums to float32 and take half a
minute for 700,000 nodes. The operator TreeEnsemble stores splits and leaves apart, in a third of its forerunner's size.
"""

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

from health_predict.fitted_trees import read_trees
from health_predict.trees import Trees

OPSET, ML_OPSET, IR_VERSION = 17, 5, 10  # what ONNX Runtime 1.26, that of the server, runs
# A float32 sum of 25 trees' shares is off by 1e-8, one of 300 by up to 8e-7. XGBoost itself sums all in float32.
_FOREST_GROUP = 25
_SUM, _NO_TRANSFORM, _AT_OR_BELOW = 1, 0, 0  # as the operator numbers them


def export_onnx(estimator: Any, columns: int) -> onnx.ModelProto:  # noqa: ANN401 - one of three families
    """Convert a fitted classifier of one of the three families.

    Args:
        columns: d, the width of the matrix.

    Returns:
        A model whose output is the probability of class 1.
    """
    if isinstance(estimator, LogisticRegression):
        return _linear(estimator, columns)
    trees = read_trees(estimator)
    return _forest(trees, columns) if isinstance(estimator, RandomForestClassifier) else _boosted(trees, columns)


def _linear(estimator: LogisticRegression, columns: int) -> onnx.ModelProto:
    weights = numpy_helper.from_array(estimator.coef_.T.astype(np.float64), "weights")
    offset = numpy_helper.from_array(estimator.intercept_.astype(np.float64), "offset")
    nodes = [
        helper.make_node("Cast", ["X"], ["wide"], to=TensorProto.DOUBLE),
        helper.make_node("MatMul", ["wide", "weights"], ["product"]),
        helper.make_node("Add", ["product", "offset"], ["margin"]),
        helper.make_node("Sigmoid", ["margin"], ["score"]),
    ]
    return _model(nodes, [weights, offset], columns)


def _forest(trees: Trees, columns: int) -> onnx.ModelProto:
    groups = _groups(trees)
    nodes = [_ensemble(group, f"sum{i}") for i, group in enumerate(groups)]
    nodes += [helper.make_node("Cast", [f"sum{i}"], [f"wide{i}"], to=TensorProto.DOUBLE) for i in range(len(groups))]
    return _model([*nodes, helper.make_node("Sum", [f"wide{i}" for i in range(len(groups))], ["score"])], [], columns)


def _boosted(trees: Trees, columns: int) -> onnx.ModelProto:
    base = numpy_helper.from_array(np.array([trees.base]), "base")
    nodes = [
        _ensemble(trees, "sum"),
        helper.make_node("Cast", ["sum"], ["wide"], to=TensorProto.DOUBLE),
        helper.make_node("Add", ["wide", "base"], ["margin"]),
        helper.make_node("Sigmoid", ["margin"], ["score"]),
    ]
    return _model(nodes, [base], columns)


def _groups(trees: Trees) -> list[Trees]:
    tree_ends = [*range(0, len(trees.splits), _FOREST_GROUP), len(trees.splits)]
    return [_part(trees, first, last) for first, last in pairwise(tree_ends)]


def _part(trees: Trees, first: int, last: int) -> Trees:
    """The trees from `first` to before `last`."""
    start, end = int(trees.splits[:first].sum()), int(trees.splits[:last].sum())
    splits = slice(start, end)
    return replace(
        trees,
        splits=trees.splits[first:last],
        feature=trees.feature[splits],
        threshold=trees.threshold[splits],
        ends=trees.ends[splits],
        expected=trees.expected[splits],
        leaf=trees.leaf[start + first : end + last],
    )


def _ensemble(trees: Trees, output: str) -> onnx.NodeProto:
    modes = np.full(len(trees.feature), _AT_OR_BELOW, np.uint8)
    return helper.make_node(
        "TreeEnsemble",
        ["X"],
        [output],
        domain="ai.onnx.ml",
        n_targets=1,
        aggregate_function=_SUM,
        post_transform=_NO_TRANSFORM,
        tree_roots=trees.roots.tolist(),
        nodes_modes=numpy_helper.from_array(modes),
        nodes_featureids=trees.feature.tolist(),
        nodes_splits=numpy_helper.from_array(trees.threshold),
        nodes_truenodeids=trees.sides[:, 0].tolist(),
        nodes_falsenodeids=trees.sides[:, 1].tolist(),
        nodes_trueleafs=trees.ends[:, 0].astype(int).tolist(),
        nodes_falseleafs=trees.ends[:, 1].astype(int).tolist(),
        leaf_targetids=[0] * len(trees.leaf),
        leaf_weights=numpy_helper.from_array(trees.leaf.astype(np.float32)),
    )


def _model(nodes: list[onnx.NodeProto], constants: list[onnx.TensorProto], columns: int) -> onnx.ModelProto:
    graph = helper.make_graph(
        nodes,
        "estimator",
        [helper.make_tensor_value_info("X", TensorProto.FLOAT, [None, columns])],
        [helper.make_tensor_value_info("score", TensorProto.DOUBLE, [None, 1])],
        constants,
    )
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", ML_OPSET)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)
    onnx.checker.check_model(model)
    return model
