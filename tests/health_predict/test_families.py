import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from xgboost import XGBClassifier

from health_predict.bundle import LARGEST_BUNDLE, write_estimator
from health_predict.families import (
    FAMILIES,
    MOST_LEAVES,
    SPACES,
    Choice,
    Configuration,
    Family,
    fit,
    sample_configurations,
    start,
)

seeds = st.integers(0, 2**32 - 1)
families = st.lists(st.sampled_from(FAMILIES), min_size=1, max_size=3, unique=True)


def generated(rows: int = 400, columns: int = 8, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((rows, columns)).astype(np.float32)
    y = (X[:, 0] - X[:, 1] * X[:, 2] + rng.standard_normal(rows) > 0).astype(np.int8)
    return X, y


def configuration(family: Family, **parameters: float | str) -> Configuration:
    return Configuration("one", family, {**SPACES[family].default, **parameters}, seed=5)


@given(families, st.integers(0, 40), st.integers(0, 40), seeds)
def test_a_smaller_draw_is_the_beginning_of_a_larger_one(some: list[Family], fewer: int, more: int, seed: int) -> None:
    fewer, more = sorted((fewer, more))
    assert sample_configurations(some, fewer, seed) == sample_configurations(some, more, seed)[:fewer]


@given(families, seeds)
def test_families_come_in_turn_each_with_its_default_first(some: list[Family], seed: int) -> None:
    drawn = sample_configurations(some, 12, seed)
    assert [c.family for c in drawn] == [some[i % len(some)] for i in range(12)]
    assert all(dict(c.parameters) == dict(SPACES[c.family].default) for c in drawn[: len(some)])
    assert len({c.name for c in drawn}) == 12


@given(st.sampled_from(FAMILIES), seeds)
def test_drawn_parameters_lie_in_their_space(family: Family, seed: int) -> None:
    searched = SPACES[family].searched
    for drawn in sample_configurations([family], 5, seed)[1:]:
        assert drawn.parameters.keys() == searched.keys() == SPACES[family].default.keys()
        for name, values in searched.items():
            value = drawn.parameters[name]
            assert value in values.values if isinstance(values, Choice) else values.low <= value <= values.high


def test_seeds_differ_and_so_do_draws() -> None:
    assert sample_configurations(FAMILIES, 9, 1) != sample_configurations(FAMILIES, 9, 2)
    drawn = sample_configurations(FAMILIES, 30, 1)
    assert len({c.seed for c in drawn}) == 30
    assert len({json.dumps(dict(c.parameters), sort_keys=True) for c in drawn}) == 30


@given(seeds)
def test_a_configuration_survives_json(seed: int) -> None:
    for drawn in sample_configurations(FAMILIES, 6, seed):
        assert Configuration.from_json(drawn.to_json()) == drawn


def reference(family: Family, parameters: Mapping[str, float | str], size: int) -> object:
    """Build the plain estimator of the library that is fitted in one go."""
    if family == "xgboost":
        return XGBClassifier(
            **parameters, n_estimators=size, random_state=5, n_jobs=1, tree_method="hist", seed_per_iteration=True
        )
    return RandomForestClassifier(**parameters, n_estimators=size, random_state=5, n_jobs=1, max_leaf_nodes=MOST_LEAVES)


@pytest.mark.parametrize(("family", "size"), [("xgboost", 30), ("random_forest", 75)])
def test_a_grown_model_equals_the_one_fitted_in_one_go(family: Family, size: int) -> None:
    X, y = generated()
    # with randomness in every part, so that a shifted random stream would show
    extra = {"subsample": 0.7, "colsample_bytree": 0.5} if family == "xgboost" else {"max_samples": 0.7}
    grown = configuration(family, **extra)
    expected = reference(family, grown.parameters, size).fit(X, y).predict_proba(X)
    np.testing.assert_array_equal(fit(grown, size, X, y).predict_proba(X), expected)


def test_logistic_regression_comes_close_to_the_converged_one() -> None:
    X, y = generated()
    expected = LogisticRegression(C=0.05, max_iter=1000, tol=1e-8).fit(X.astype(np.float64), y).predict_proba(X)
    np.testing.assert_allclose(fit(configuration("logistic_regression"), 6, X, y).predict_proba(X), expected, atol=1e-5)


def test_logistic_regression_sums_in_float64() -> None:
    """In float32 the sum over a few hundred columns is off by more than the proof of a bundle allows."""
    rng = np.random.default_rng(0)
    X = rng.normal(scale=3.0, size=(400, 300)).astype(np.float32)
    configuration = Configuration("wide", "logistic_regression", SPACES["logistic_regression"].default, 0)
    model = fit(configuration, 3, X, (rng.random(400) < 0.5).astype(np.int8))
    margin = X.astype(np.float64) @ model.coef_[0] + model.intercept_[0]
    assert np.max(np.abs(model.predict_proba(X)[:, 1] - 1 / (1 + np.exp(-margin)))) < 1e-12


@pytest.mark.parametrize("family", FAMILIES)
def test_growing_equals_fit_at_every_size_whichever_rows_are_asked_for(family: Family) -> None:
    X, y = generated()
    other, _ = generated(rows=50, seed=9)
    growing, beside = start(configuration(family), X, y), start(configuration(family, **{}), X[::-1].copy(), y)
    for asked in (X, X, other, X):
        growing.grow()
        beside.grow()  # another model that grows in the same process must not disturb this one
        np.testing.assert_allclose(
            growing.predict(asked), growing.estimator.predict_proba(asked)[:, 1], rtol=0, atol=1e-7
        )
    alone = fit(configuration(family), growing.size, X, y)
    np.testing.assert_array_equal(growing.estimator.predict_proba(other), alone.predict_proba(other))
    assert growing.size == 4 * SPACES[family].growth


@pytest.mark.parametrize("family", FAMILIES)
def test_models_accept_read_only_rows(family: Family) -> None:
    X, y = generated()
    X.setflags(write=False)  # as Ray's object store hands them out
    y.setflags(write=False)
    model = start(configuration(family), X, y)
    model.grow()
    assert np.isfinite(model.predict(X)).all()


@pytest.mark.parametrize("family", FAMILIES)
def test_a_fit_can_be_repeated_and_does_not_depend_on_threads(family: Family) -> None:
    X, y = generated()
    drawn = sample_configurations([family], 2, seed=11)[1]
    size = SPACES[family].growth
    first, again, threaded = (fit(drawn, size, X, y, threads=threads).predict_proba(X) for threads in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    np.testing.assert_allclose(first, threaded, rtol=0, atol=1e-12)  # threads of a forest add up in any order


@pytest.mark.parametrize(("family", "size"), [("random_forest", 30), ("xgboost", 0)])
def test_an_unreachable_size_is_refused(family: Family, size: int) -> None:
    with pytest.raises(ValueError, match="multiple"):
        fit(configuration(family), size, *generated())


def test_the_largest_forest_fits_into_the_bundle(tmp_path: Path) -> None:
    X, _ = generated(rows=8000, columns=3)
    noise = np.random.default_rng(1).integers(0, 2, 8000).astype(np.int8)  # grows the largest trees there are
    forest = fit(configuration("random_forest", min_samples_leaf=1), 25, X, noise)
    leaves = [tree.get_n_leaves() for tree in forest.estimators_]
    assert max(leaves) <= MOST_LEAVES
    nodes = sum(tree.tree_.node_count for tree in forest.estimators_)
    write_estimator(forest, X.shape[1], tmp_path)
    bytes_per_node = sum(file.stat().st_size for file in tmp_path.iterdir()) / nodes
    most_nodes = SPACES["random_forest"].maximum_size * (2 * MOST_LEAVES - 1)
    assert most_nodes * bytes_per_node <= LARGEST_BUNDLE
