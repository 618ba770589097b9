import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from health_predict.monitoring.concordance import auroc_influence, auroc_interval, expected_auroc
from health_predict.trials import auroc
from tests.health_predict.monitoring.invented import outcomes


def test_influences_are_what_the_auroc_moves_by_when_a_row_counts_a_little_more() -> None:
    y, score = outcomes(60, 3)
    value, influence = auroc_influence(y, score)
    assert influence.sum() == pytest.approx(0)
    for row in (0, 7, 30):
        weights = np.ones(60)
        weights[row] += 1e-6
        positive, negative = y == 1, y == 0
        order = (score[positive][:, None] > score[negative]) + (score[positive][:, None] == score[negative]) / 2
        pairs = weights[positive][:, None] * weights[negative]
        assert ((pairs * order).sum() / pairs.sum() - value) / 1e-6 == pytest.approx(influence[row], abs=1e-4)


def test_the_interval_covers_the_truth() -> None:
    """Scores of two normals one sd apart: AUROC .7602."""
    rng, inside = np.random.default_rng(0), 0
    for _ in range(300):
        y = rng.random(400) < 0.4
        found = auroc_interval(y, rng.normal(size=400) + y, np.arange(400))
        inside += found.low < 0.76025 < found.high
    assert 0.91 <= inside / 300 <= 0.99


def test_the_interval_is_wider_when_rows_repeat_patients() -> None:
    y, score = outcomes(200, 1)
    once = auroc_interval(y, score, np.arange(200))
    fourfold = auroc_interval(np.tile(y, 4), np.tile(score, 4), np.tile(np.arange(200), 4))
    assert (fourfold.value, fourfold.low, fourfold.high) == pytest.approx((once.value, once.low, once.high))


@pytest.mark.parametrize(("score", "value"), [([0.9, 0.8, 0.1], 1.0), ([0.1, 0.2, 0.9], 0.0), ([0.5] * 3, 0.5)])
def test_the_interval_at_the_ends(score, value) -> None:
    found = auroc_interval([1, 1, 0], score, [1, 2, 3])
    assert found.value == value
    assert 0 <= found.low <= value <= found.high <= 1


scores = st.lists(st.integers(1, 9).map(lambda k: k / 10), min_size=2, max_size=25)


@given(scores)
def test_expected_auroc_is_the_share_of_expected_pairs_in_order(values) -> None:
    pairs = [
        (a * (1 - b), (a > b) + (a == b) / 2) for i, a in enumerate(values) for j, b in enumerate(values) if i != j
    ]
    expected = sum(weight * order for weight, order in pairs) / sum(weight for weight, _ in pairs)
    assert expected_auroc(values) == pytest.approx(expected)


def test_expected_auroc_is_the_realised_one_of_calibrated_scores() -> None:
    y, score = outcomes(20_000, 5)
    assert expected_auroc(score) == pytest.approx(auroc(y, score), abs=0.01)


def test_certain_scores_expect_a_perfect_order_and_one_patient_expects_nothing() -> None:
    assert expected_auroc([0.0, 0.0, 1.0]) == pytest.approx(1)
    assert np.isnan(expected_auroc([0.4]))
