"""Writes a fitted estimator, after the encoding and without it, as ONNX: input X (n, d), last output column the score.

Linear models and forests take float64 and are written node by node: the general converter rounds a forest's sums to
float32 and needs half a minute for 700,000 nodes, this takes a second or two. Boosted trees go through onnxmltools.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

OPSET, ML_OPSET = 17, 3


def export_onnx(estimator: Any, columns: int) -> onnx.ModelProto:  # noqa: ANN401 - one of three families
    """Convert a fitted classifier of one of the three families.

    Args:
        columns: d, the width of the matrix.

    Returns:
        A model whose last output column is the probability of class 1.
    """
    if isinstance(estimator, LogisticRegression):
        return _linear(estimator, columns)
    if isinstance(estimator, RandomForestClassifier):
        return _forest(estimator, columns)
    return _boosted(estimator, columns)


def _linear(estimator: LogisticRegression, columns: int) -> onnx.ModelProto:
    weights = numpy_helper.from_array(estimator.coef_.T.astype(np.float64), "weights")
    offset = numpy_helper.from_array(estimator.intercept_.astype(np.float64), "offset")
    nodes = [
        helper.make_node("MatMul", ["X", "weights"], ["product"]),
        helper.make_node("Add", ["product", "offset"], ["margin"]),
        helper.make_node("Sigmoid", ["margin"], ["score"]),
    ]
    return _model(nodes, [weights, offset], columns, TensorProto.DOUBLE)


def _forest(estimator: RandomForestClassifier, columns: int) -> onnx.ModelProto:
    trees = [tree.tree_ for tree in estimator.estimators_]
    sizes = [tree.node_count for tree in trees]
    leaf = np.concatenate([tree.children_left < 0 for tree in trees])
    tree_ids = np.repeat(np.arange(len(trees)), sizes)
    node_ids = np.concatenate([np.arange(size) for size in sizes])
    share = np.concatenate([_positive_share(tree) for tree in trees]) / len(trees)
    node = helper.make_node(
        "TreeEnsembleRegressor",
        ["X"],
        ["score"],
        domain="ai.onnx.ml",
        n_targets=1,
        aggregate_function="SUM",
        nodes_treeids=tree_ids.tolist(),
        nodes_nodeids=node_ids.tolist(),
        nodes_modes=np.where(leaf, "LEAF", "BRANCH_LEQ").tolist(),
        nodes_featureids=_joined(trees, "feature").clip(0).tolist(),
        nodes_truenodeids=_joined(trees, "children_left").clip(0).tolist(),
        nodes_falsenodeids=_joined(trees, "children_right").clip(0).tolist(),
        nodes_values_as_tensor=numpy_helper.from_array(_joined(trees, "threshold").astype(np.float64)),
        target_treeids=tree_ids[leaf].tolist(),
        target_nodeids=node_ids[leaf].tolist(),
        target_ids=np.zeros(int(leaf.sum()), int).tolist(),
        target_weights_as_tensor=numpy_helper.from_array(share[leaf].astype(np.float64)),
    )
    # the operator sums doubles and hands out float32
    return _model([node], [], columns, TensorProto.DOUBLE, TensorProto.FLOAT)


def _joined(trees: list[Any], attribute: str) -> npt.NDArray[Any]:
    return np.concatenate([getattr(tree, attribute) for tree in trees])


def _positive_share(tree: Any) -> npt.NDArray[np.float64]:  # noqa: ANN401 - scikit-learn's Tree has no stub
    counts = tree.value[:, 0, :]
    return np.asarray(counts[:, 1] / counts.sum(axis=1))


def _boosted(estimator: Any, columns: int) -> onnx.ModelProto:  # noqa: ANN401 - xgboost has no stubs
    from onnxmltools import convert_xgboost
    from onnxmltools.convert.common.data_types import FloatTensorType

    model: onnx.ModelProto = convert_xgboost(
        estimator, initial_types=[("X", FloatTensorType([None, columns]))], target_opset=15
    )
    return model


def _model(
    nodes: list[onnx.NodeProto],
    constants: list[onnx.TensorProto],
    columns: int,
    kind: int,
    result: int = TensorProto.DOUBLE,
) -> onnx.ModelProto:
    graph = helper.make_graph(
        nodes,
        "estimator",
        [helper.make_tensor_value_info("X", kind, [None, columns])],
        [helper.make_tensor_value_info("score", result, [None, 1])],
        constants,
    )
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", ML_OPSET)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    onnx.checker.check_model(model)
    return model
