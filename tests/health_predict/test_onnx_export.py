"""Small models that are easy to get wrong; test_bundle.py checks trained ones on every test encounter."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from xgboost import XGBClassifier

from health_predict.onnx_estimator import OnnxEstimator
from health_predict.onnx_export import export_onnx

X = np.random.default_rng(0).standard_normal((400, 4)).astype(np.float32)
Y = (X[:, 0] * X[:, 1] + X[:, 2] > 0).astype(np.int8)


@pytest.fixture
def exported(tmp_path: Path) -> Callable[[Any], OnnxEstimator]:
    def export(estimator: Any) -> OnnxEstimator:
        path = tmp_path / "model.onnx"
        path.write_bytes(export_onnx(estimator, X.shape[1]).SerializeToString())
        return OnnxEstimator(path)

    return export


@pytest.mark.parametrize(
    "estimator",
    [
        LogisticRegression(),
        RandomForestClassifier(1, random_state=0),
        RandomForestClassifier(24, random_state=0),
        RandomForestClassifier(25, random_state=0),
        RandomForestClassifier(60, random_state=0, class_weight="balanced"),  # groups of 25, 25 and 10
        RandomForestClassifier(30, random_state=0, max_features=None, min_samples_leaf=500),  # trees of one leaf
        XGBClassifier(n_estimators=1, max_depth=1),
        XGBClassifier(n_estimators=80, max_depth=6),
        XGBClassifier(n_estimators=5, base_score=0.2),
        XGBClassifier(n_estimators=5, min_child_weight=1e6),  # rounds of one leaf
    ],
    ids=lambda estimator: type(estimator).__name__,
)
def test_scores_as_the_library_does(estimator, exported) -> None:
    expected = estimator.fit(X, Y).predict_proba(X)[:, 1]
    found = exported(estimator).score(X)
    assert (found.shape, found.dtype) == ((400,), np.float64)
    np.testing.assert_allclose(found, expected, rtol=0, atol=5e-7)


def test_a_row_scores_the_same_alone_and_among_others(exported) -> None:
    for estimator in (LogisticRegression(), RandomForestClassifier(30), XGBClassifier(n_estimators=30)):
        onnx = exported(estimator.fit(X, Y))
        alone = np.concatenate([onnx.score(X[i : i + 1]) for i in range(50)])
        np.testing.assert_allclose(alone, onnx.score(X)[:50], rtol=0, atol=1e-7)


def test_no_rows_give_no_scores_and_a_matrix_of_another_width_is_refused(exported) -> None:
    onnx = exported(RandomForestClassifier(3).fit(X, Y))
    assert onnx.score(X[:0]).shape == (0,)
    with pytest.raises(Exception, match="dimensions"):
        onnx.score(X[:, :3].copy())
