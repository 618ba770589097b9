import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from health_predict.rates import effective_count, pool_adjacent, pool_categories, rate, rates, wilson
from health_predict.slices import POOLED, SMALLEST_GROUP

# codes and patients of the same rows
grouped = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 60)), min_size=1, max_size=200).map(np.array)


@pytest.mark.parametrize(
    ("share", "count", "low", "high"),
    # by hand: 0.8 of 10 is (0.8 + 0.19207 -+ 0.31356) / 1.38415, 0 of 10 ends at z^2 / (10 + z^2)
    [(0.8, 10, 0.49016, 0.94332), (0.0, 10, 0.0, 0.27753), (1.0, 10, 0.72247, 1.0), (0.5, 100, 0.40383, 0.59617)],
)
def test_wilson_by_hand(share, count, low, high):
    assert wilson(share, count) == pytest.approx((low, high), abs=1e-5)


def test_two_encounters_with_one_outcome_are_worth_one():
    # n p (1 - p) = 1; each patient deviates by 2 x 0.5, so that the squares add up to 2 and 4 rows are worth 2
    assert effective_count([1, 1, 0, 0], ["a", "a", "b", "b"]) == 2
    assert effective_count([1, 0, 1, 0], ["a", "b", "c", "d"]) == 4
    assert effective_count([1, 1, 1], ["a", "a", "b"]) == 2


def test_opposite_outcomes_of_a_patient_never_count_for_more_than_the_rows():
    assert effective_count([1, 0, 1, 0], ["a", "a", "b", "b"]) == 4


def test_rate_counts_rows_and_patients():
    found = rate("all", [1, 0, 1, 1], [7, 7, 8, 9])
    assert (found.label, found.rows, found.patients, found.share.value) == ("all", 4, 3, 0.75)
    assert 0 < found.share.low < 0.75 < found.share.high < 1


def test_empty_groups_are_left_out():
    assert [r.label for r in rates([0, 2, 2], ["a", "b", "c"], [1, 0, 1], [1, 2, 3])] == ["a", "c"]


@given(grouped)
def test_pooling_keeps_the_order_and_leaves_no_small_group(rows):
    codes, patients = rows.T
    pooled = pool_adjacent(codes, patients)
    assert (np.diff(pooled[np.argsort(codes, kind="stable")]) >= 0).all()
    assert set(pooled) == set(range(pooled.max() + 1))
    if len(set(patients)) >= SMALLEST_GROUP:
        assert min(len(set(patients[pooled == group])) for group in set(pooled)) >= SMALLEST_GROUP
    else:
        assert set(pooled) == {0}


@given(grouped)
def test_groups_that_are_large_enough_stay_as_they_are(rows):
    codes = rows[:, 0]
    ample = np.repeat(codes, SMALLEST_GROUP)
    assert (pool_adjacent(ample, np.arange(len(ample))) == np.unique(ample, return_inverse=True)[1]).all()


@given(grouped)
def test_no_small_category_survives(rows):
    codes, patients = rows.T
    names = codes.astype(str).astype(object)
    pooled = pool_categories(names, patients)
    assert all(new in (old, POOLED) for new, old in zip(pooled, names, strict=True))
    if len(set(patients)) >= SMALLEST_GROUP:
        assert min(len(set(patients[pooled == group])) for group in set(pooled)) >= SMALLEST_GROUP


def test_the_pool_takes_the_next_smallest_when_it_is_too_small_itself():
    names = np.repeat(np.array(["tiny", "middle", "large"], dtype=object), [3, 20, 50])
    assert dict.fromkeys(pool_categories(names, np.arange(73))) == dict.fromkeys([POOLED, "large"])


def test_the_pool_takes_every_small_category_also_when_the_smallest_two_fill_it():
    names = np.repeat(np.array(["tiny", "small", "less small", "large"], dtype=object), [5, 6, 7, 50])
    assert dict.fromkeys(pool_categories(names, np.arange(68))) == dict.fromkeys([POOLED, "large"])
