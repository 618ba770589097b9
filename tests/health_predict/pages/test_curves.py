import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import auc, roc_auc_score

from health_predict.pages.curves import (
    OperatingPoints,
    confusion,
    histogram,
    net_benefit,
    operating_points,
    reliability,
)
from health_predict.slices import SMALLEST_GROUP


def scored(n=2000, seed=0):
    rng = np.random.default_rng(seed)
    p = rng.beta(3, 4, n)
    return (rng.random(n) < p).astype(np.int8), p, rng.integers(0, n, n)


def test_net_benefit_by_hand():
    # 60 / 200 - 20 / 200 * 0.2 / 0.8 = 0.3 - 0.025
    assert net_benefit(60, 20, 200, 0.2) == pytest.approx(0.275)
    assert net_benefit(60, 20, 200, 0.0) == pytest.approx(0.3)
    assert net_benefit([0, 60], [10, 60], 200, [0.5, 0.5]) == pytest.approx([-0.05, 0.0])


def test_points_count_what_lies_at_or_above_each_threshold():
    y, p, patients = scored()
    points = operating_points(y, p, patients)
    for at in (0, 1, len(points.threshold) // 2, len(points.threshold) - 1):
        above = p >= points.threshold[at]
        assert points.true_positives[at] == (above & (y == 1)).sum()
        assert points.false_positives[at] == (above & (y == 0)).sum()
    assert points.threshold[0] == 0
    assert points.prevalence == pytest.approx(y.mean())


def test_curve_has_the_area_of_the_scores():
    y, p, patients = scored()
    points = operating_points(y, p, patients)
    area = auc([*points.false_positive_rate, 0], [*points.sensitivity, 0])
    assert area == pytest.approx(roc_auc_score(y, p), abs=0.002)


@given(st.integers(20, 400), st.integers(0, 5), st.sampled_from([1, 3, 1000]))
def test_no_step_of_a_curve_holds_few_patients(n, seed, grid):
    rng = np.random.default_rng(seed)
    y, p, patients = np.arange(n) % 2, rng.integers(0, grid + 1, n) / grid * 0.98, rng.integers(0, n, n)
    points = operating_points(y, p, patients)
    step = np.searchsorted(points.threshold, p, side="right")
    sizes = [len(set(patients[step == s])) for s in set(step)]
    assert min(sizes) >= min(SMALLEST_GROUP, len(set(patients)))


def test_acting_on_everyone_is_worth_the_prevalence_at_threshold_zero_and_nothing_at_the_prevalence():
    points = OperatingPoints(np.array([0.0, 0.25]), np.array([50, 40]), np.array([150, 20]), 50, 150)
    assert points.benefit_of_everyone == pytest.approx([0.25, 0.0])
    assert points.benefit == pytest.approx([0.25, 40 / 200 - 20 / 200 / 3])


def test_useful_range_by_hand():
    """Gains over the better of all and none: 0, .025, .1, 0 and .05 per row; the last stands alone."""
    thresholds = np.array([0.0, 0.2, 0.5, 0.6, 0.75])
    points = OperatingPoints(thresholds, np.array([50, 40, 20, 0, 5]), np.array([50, 0, 10, 0, 0]), 50, 50)
    assert points.benefit == pytest.approx([0.5, 0.4, 0.1, 0.0, 0.05])
    assert points.benefit_of_everyone == pytest.approx([0.5, 0.375, 0.0, -0.25, -1.0])
    assert points.useful_range == (0.2, 0.5)


def test_useful_range_is_the_longest_run_of_worthwhile_gains():
    y, p, patients = scored(5000)
    low, high = operating_points(y, p, patients).useful_range
    assert 0.05 < low < 0.3 < 0.5 < high < 0.9
    guessed = operating_points(y, np.random.default_rng(1).random(5000), patients)
    assert guessed.useful_range is None


def test_histogram_has_area_one_and_no_small_column():
    _, p, patients = scored()
    spread = histogram(p, patients)
    assert (spread.density * np.diff(spread.edges)).sum() == pytest.approx(1)
    column = np.searchsorted(spread.edges, p, side="right")
    assert min(len(set(patients[column == c])) for c in set(column)) >= SMALLEST_GROUP


def test_histogram_widens_where_few_are():
    p = np.concatenate([np.full(100, 0.5), np.full(3, 0.9)])
    assert histogram(p, np.arange(103)).edges == pytest.approx([0.5, 0.925])


def test_reliability_bins_by_hand():
    y, p, patients = scored()
    bins = reliability(y, p, patients)
    assert len(bins) == 15
    assert sum(b.observed.rows for b in bins) == 2000
    assert sum(b.observed.rows * b.predicted for b in bins) == pytest.approx(p.sum())
    assert sum(b.observed.rows * b.observed.share.value for b in bins) == pytest.approx(y.sum())
    assert [b.predicted for b in bins] == sorted(b.predicted for b in bins)


def test_reliability_pools_small_bins():
    y, p, patients = scored(60)
    assert min(b.observed.patients for b in reliability(y, p, patients)) >= SMALLEST_GROUP


def test_confusion_by_hand():
    y = np.repeat([1, 0, 1, 0], [30, 20, 15, 35])
    p = np.repeat([0.9, 0.9, 0.1, 0.1], [30, 20, 15, 35])
    found = confusion(y, p, np.arange(100), 0.9)
    counts = (found.true_positives, found.false_positives, found.false_negatives, found.true_negatives)
    assert counts == (30, 20, 15, 35)
    assert found.sensitivity.share.value == pytest.approx(30 / 45)
    assert found.specificity.share.value == pytest.approx(35 / 55)
    assert found.precision.share.value == pytest.approx(30 / 50)
    assert found.negative_precision.share.value == pytest.approx(35 / 50)


def test_confusion_with_a_small_cell_is_not_told():
    y = np.repeat([1, 0, 1, 0], [30, 20, 10, 35])
    p = np.repeat([0.9, 0.9, 0.1, 0.1], [30, 20, 10, 35])
    assert confusion(y, p, np.arange(95), 0.5) is None
