import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import RandomForestClassifier
from xgboost import XGBClassifier

from health_predict.fitted_trees import read_trees
from health_predict.trees import Trees

# whole numbers, so that many values are equal to a threshold, and tenths, which float32 rounds
VALUES = st.one_of(st.integers(-3, 3).map(float), st.integers(-9, 9).map(lambda tenths: tenths / 10))
ROWS = st.lists(st.tuples(VALUES, VALUES, st.integers(0, 1)), min_size=12, max_size=40)


def score(trees: Trees, row: np.ndarray) -> float:
    """Go down every tree, as the arrays are described."""
    total = trees.base
    for root in trees.roots:
        at, ended = root, False
        while not ended:
            side = int(row[trees.feature[at]] > trees.threshold[at])
            ended, at = trees.ends[at, side], trees.sides[at, side]
        total += trees.leaf[at]
    return total


def data(rows: list[tuple[float, float, int]]) -> tuple[np.ndarray, np.ndarray]:
    table = np.array([*rows, (0.1, 0.3, 0), (0.2, -0.1, 1)])  # both classes
    return table[:, :2].astype(np.float32), table[:, 2].astype(np.int8)


@given(ROWS)
@settings(max_examples=25)
def test_trees_of_a_forest_decide_as_scikit_learn_does(rows) -> None:
    X, y = data(rows)
    forest = RandomForestClassifier(n_estimators=4, random_state=0).fit(X, y)
    trees = read_trees(forest)
    np.testing.assert_allclose([score(trees, row) for row in X], forest.predict_proba(X)[:, 1], rtol=0, atol=1e-12)


@given(ROWS)
@settings(max_examples=25)
def test_boosted_trees_decide_as_xgboost_does(rows) -> None:
    X, y = data(rows)
    boosted = XGBClassifier(n_estimators=6, max_depth=3, min_child_weight=0.1, tree_method="exact").fit(X, y)
    margins = boosted.predict(X, output_margin=True)
    trees = read_trees(boosted)
    np.testing.assert_allclose([score(trees, row) for row in X], margins, rtol=0, atol=2e-6)


def test_a_value_at_a_threshold_that_float32_cannot_hold_goes_the_same_way() -> None:
    X = np.array([[0.1], [0.3]], np.float32)  # the threshold is their float64 mean
    forest = RandomForestClassifier(n_estimators=1, bootstrap=False, random_state=0).fit(X, [0, 1])
    threshold = forest.estimators_[0].tree_.threshold[0]
    near = np.float32(threshold)
    around = np.array([[np.nextafter(near, np.float32(s))] for s in (-1, 1)] + [[near]], np.float32)
    trees = read_trees(forest)
    assert [score(trees, row) for row in around] == forest.predict_proba(around)[:, 1].tolist()


@pytest.mark.parametrize("estimator", [RandomForestClassifier(3, random_state=0), XGBClassifier(n_estimators=3)])
def test_a_model_that_learned_nothing_has_trees_whose_sides_agree(estimator) -> None:
    X, y = np.zeros((20, 2), np.float32), np.arange(20) % 2
    trees = read_trees(estimator.fit(X, y))
    assert trees.splits.tolist() == [1, 1, 1]
    assert score(trees, np.float32([5, -5])) == score(trees, np.float32([-5, 5]))


def test_a_split_expects_what_its_rows_have_on_average() -> None:
    rng = np.random.default_rng(0)
    X = rng.standard_normal((300, 3)).astype(np.float32)
    y = (X[:, 0] + rng.standard_normal(300) > 0).astype(np.int8)
    forest = RandomForestClassifier(5, bootstrap=False, max_leaf_nodes=20, random_state=0).fit(X, y)
    trees = read_trees(forest)
    np.testing.assert_allclose(trees.expected[trees.roots] * 5, y.mean(), rtol=1e-12)
    one_step = XGBClassifier(n_estimators=1, max_depth=2, base_score=0.5, reg_lambda=0, learning_rate=1)
    boosted = read_trees(one_step.fit(X, y))
    # one full Newton step from 0: the mean over all rows is (positive - negative) / 2 over a hessian of 1/4 each
    assert boosted.expected[0] == pytest.approx((y.mean() - 0.5) / 0.25, abs=1e-5)
