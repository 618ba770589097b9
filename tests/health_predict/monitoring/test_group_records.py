import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from health_predict.evaluation import Interval
from health_predict.monitoring.group_records import GroupRecord, combine, group_records, read_groups
from health_predict.privacy import POOLED
from health_predict.slices import Slice, slice_performance
from tests.health_predict.monitoring.invented import encounters, outcomes

NAN = float("nan")
AUROC, GAP = Interval(0.7, 0.6, 0.8), Interval(0.0, -0.1, 0.1)


def part(group="Asian", rows=100, rate=0.5, auroc=AUROC, gap=GAP) -> Slice:
    return Slice("race", group, rows, rows, rate, 0.4, auroc, Interval(0.5, 0.4, 0.6), gap)


def record(column="race", group="Asian", rows=100, observed=0.5, auroc=AUROC, gap=None) -> GroupRecord:
    return GroupRecord(column, group, rows, observed, 0.4, auroc, gap)


def test_slices_survive_json():
    frame, (y, score) = encounters(600, seed=2), outcomes(600, seed=2)
    slices = slice_performance(frame, y, score, threshold=0.5, seed=0)
    found = read_groups(json.loads(json.dumps(group_records(slices), allow_nan=False)))
    assert [(g.column, g.group, g.rows, g.observed, g.predicted) for g in found] == [
        (s.column, s.group, s.rows, s.positive_rate, s.mean_probability) for s in slices
    ]
    assert [g.gap for g in found] == [s.calibration_gap for s in slices]
    assert any(g.auroc is not None for g in found)


@pytest.mark.parametrize(
    "unsure",
    [part(rate=0.1), part(rate=0.9), part(auroc=Interval(NAN, NAN, NAN)), part(auroc=Interval(0.7, NAN, NAN))],
    ids=["10 positives", "10 negatives", "one outcome", "no interval"],
)
def test_an_auroc_that_few_outcomes_stand_behind_is_left_out(unsure):
    (found,) = read_groups(group_records([unsure]))
    assert found.auroc is None
    assert found.gap == Interval(0.0, -0.1, 0.1)


def test_one_batch_stays_as_it_is():
    (alone,) = combine([[record(gap=Interval(0.1, 0.05, 0.2))]])
    for found, told in ((alone.auroc, Interval(0.7, 0.6, 0.8)), (alone.gap, Interval(0.1, 0.05, 0.2))):
        assert (found.value, found.low, found.high) == pytest.approx((told.value, told.low, told.high))
    assert (alone.rows, alone.observed, alone.predicted) == (100, 0.5, 0.4)


def test_n_equal_batches_shrink_the_interval_by_the_root_of_n():
    (together,) = combine([[record()]] * 9)
    assert together.rows == 900
    found = together.auroc
    assert (found.value, found.low, found.high) == pytest.approx((0.7, 0.7 - 0.1 / 3, 0.7 + 0.1 / 3))


def test_large_batches_weigh_more_and_unknown_ones_nothing():
    batches = [[record(rows=300)], [record(rows=100, auroc=Interval(0.3, 0.2, 0.4))], [record(rows=50, auroc=None)]]
    (together,) = combine(batches)
    assert together.rows == 450
    assert together.auroc.value == pytest.approx((9 * 0.7 + 0.3) / 10)
    assert combine([[record(auroc=None)]])[0].auroc is None


def test_intervals_of_independent_batches_cover_the_truth():
    """2,000 repetitions of five batches whose intervals are right: their mean must be in the interval in 95 %."""
    rng, covered = np.random.default_rng(5), 0
    for _ in range(2000):
        drawn = [(rows, rng.normal(0.05, 1 / math.sqrt(rows))) for rows in (50, 100, 400, 30, 200)]
        batches = [
            [record(rows=n, gap=Interval(v, v - 1.96 / math.sqrt(n), v + 1.96 / math.sqrt(n)))] for n, v in drawn
        ]
        gap = combine(batches)[0].gap
        covered += gap.low <= 0.05 <= gap.high
    assert 0.94 <= covered / 2000 <= 0.96


def test_groups_stand_in_order():
    names = [("age", "40-60"), ("age", "<40"), ("gender", "Male"), ("race", POOLED), ("race", "Other")]
    found = combine([[record(column, group) for column, group in names]])
    assert [(g.column, g.group) for g in found] == [
        ("race", "Other"),
        ("race", POOLED),
        ("gender", "Male"),
        ("age", "<40"),
        ("age", "40-60"),
    ]


figures = st.tuples(st.integers(1, 5000), st.floats(0.01, 0.99), st.floats(0.1, 0.9), st.floats(0.001, 0.1))


@given(st.lists(figures, min_size=1, max_size=8))
def test_a_mean_lies_between_its_parts_and_is_surer_than_the_least_sure(parts):
    batches = [
        [record(rows=rows, observed=observed, auroc=Interval(v, v - half, v + half))]
        for rows, observed, v, half in parts
    ]
    found = combine(batches)[0]
    values, halves = [v for _, _, v, _ in parts], [half for *_, half in parts]
    assert min(values) - 1e-9 <= found.auroc.value <= max(values) + 1e-9
    assert 0 < found.auroc.high - found.auroc.value <= max(halves) + 1e-9
    assert found.rows == sum(rows for rows, *_ in parts)
