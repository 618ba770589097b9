import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from health_predict.explanation import LinearExplainer, TreeExplainer, explain
from health_predict.trees import Trees

SOURCES = ("age", "race", "race")
# age <= 0.5, then race's first column <= 1.5; and race's second column <= -1
TREES = Trees(
    splits=np.array([2, 1]),
    feature=np.array([0, 1, 2]),
    threshold=np.array([0.5, 1.5, -1.0], np.float32),
    ends=np.array([[False, True], [True, True], [True, True]]),
    expected=np.array([0.4, 0.2, 0.05]),
    leaf=np.array([0.7, 0.1, 0.3, -1.0, 1.0]),
    base=0.25,
)
vectors = arrays.arrays(np.float32, 3, elements=st.floats(-3, 3, width=32))


def test_a_tree_adds_at_each_split_what_the_mean_below_changes_by() -> None:
    found = explain(TreeExplainer(TREES, "log-odds"), np.float32([0.5, 2, -0.5]), SOURCES)
    assert found.base == pytest.approx(0.25 + 0.4 + 0.05)
    assert dict(found.contributions) == pytest.approx({"age": 0.2 - 0.4, "race": (0.3 - 0.2) + (1.0 - 0.05)})
    assert found.raw_score == pytest.approx(0.25 + 0.3 + 1.0)


def test_a_linear_model_adds_coefficient_times_value() -> None:
    found = explain(LinearExplainer(np.array([0.5, -2.0, 3.0]), -1.0), np.float32([4, 1, 0.5]), SOURCES)
    assert (found.unit, found.base) == ("log-odds", -1.0)
    assert found.contributions == (("age", 2.0), ("race", -0.5))
    assert found.raw_score == 0.5


def test_the_score_is_the_probability_of_the_raw_score() -> None:
    odds = explain(LinearExplainer(np.zeros(3), math.log(3)), np.zeros(3, np.float32), SOURCES)
    assert odds.score == pytest.approx(0.75)
    for far, score in ((-1e4, 0.0), (1e4, 1.0)):
        assert explain(LinearExplainer(np.zeros(3), far), np.zeros(3, np.float32), SOURCES).score == pytest.approx(
            score
        )
    share = explain(TreeExplainer(TREES, "probability"), np.zeros(3, np.float32), SOURCES)
    assert share.score == share.raw_score


@given(vectors)
def test_base_and_contributions_add_up_to_the_leaves(vector) -> None:
    found = explain(TreeExplainer(TREES, "log-odds"), vector, SOURCES)
    first = (0.1 if vector[1] <= 1.5 else 0.3) if vector[0] <= 0.5 else 0.7
    assert found.raw_score == pytest.approx(0.25 + first + (-1.0 if vector[2] <= -1 else 1.0), abs=1e-12)
    assert found.base + sum(value for _, value in found.contributions) == pytest.approx(found.raw_score, abs=1e-12)


@given(vectors)
def test_every_feature_is_there_once_the_largest_first(vector) -> None:
    found = explain(LinearExplainer(np.array([1.0, -1.0, 2.0]), 0.0), vector, SOURCES)
    sizes = [abs(value) for _, value in found.contributions]
    assert sorted(name for name, _ in found.contributions) == ["age", "race"]
    assert sizes == sorted(sizes, reverse=True)


def test_a_feature_that_no_split_asks_for_contributes_nothing() -> None:
    found = explain(TreeExplainer(TREES, "log-odds"), np.zeros(4, np.float32), (*SOURCES, "gender"))
    assert found.contributions[-1] == ("gender", 0.0)
