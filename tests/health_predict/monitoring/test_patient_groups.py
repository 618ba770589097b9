import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st

from health_predict.monitoring.patient_groups import (
    holders,
    is_full,
    may_show,
    name_neighbours,
    name_nominal,
    neighbours,
)
from health_predict.privacy import POOLED, SMALLEST_GROUP

LEVELS = tuple("abcdefgh")


def side(*counts: int) -> np.ndarray:
    """One patient a row, so many of each level."""
    levels = np.repeat(np.arange(len(counts)), counts)
    return holders(levels, np.arange(len(levels)), len(counts))


def patients_of(groups: np.ndarray, levels: np.ndarray, patients: np.ndarray) -> dict[str, int]:
    found = groups[levels]
    return {name: len(np.unique(patients[found == name])) for name in set(found.tolist())}


@given(st.integers(0, 10_000), st.integers(11, 400), st.integers(11, 60), st.floats(0.1, 0.9), st.booleans())
def test_a_group_has_no_patient_or_eleven_on_each_side(seed, rows, patient_count, skew, ordered) -> None:
    rng = np.random.default_rng(seed)
    sides = []
    for _ in range(2):
        levels = np.minimum(rng.geometric(skew, rows) - 1, len(LEVELS) - 1)
        sides.append((levels, np.concatenate([np.arange(11), rng.integers(0, patient_count, rows - 11)])))
    matrices = [holders(levels, patients, len(LEVELS)) for levels, patients in sides]
    groups = (name_neighbours if ordered else name_nominal)(matrices, LEVELS)
    for levels, patients in sides:
        assert min(patients_of(groups, levels, patients).values()) >= SMALLEST_GROUP


def test_what_is_small_on_one_side_is_pooled_on_both() -> None:
    names = name_nominal([side(500, 200, 300, 40), side(50, 3, 30, 20)], LEVELS[:4])
    assert names.tolist() == ["a", POOLED, "c", POOLED]  # b, and the smallest of the rest


def test_a_group_that_one_side_does_not_have_is_shown() -> None:
    sides = [side(500, 200, 0), side(50, 0, 30)]
    assert name_nominal(sides, LEVELS[:3]).tolist() == ["a", "b", "c"]
    assert name_neighbours(sides, LEVELS[:3]).tolist() == ["01: a", "02: b", "03: c"]


def test_neighbours_are_merged_from_below_and_the_last_takes_back_what_it_needs() -> None:
    sides = [side(5, 20, 30, 40, 2), side(12, 12, 12, 0, 4)]
    assert neighbours(sides, range(5), may_show) == [[0, 1], [2, 3, 4]]
    assert name_neighbours(sides, LEVELS[:5]).tolist() == ["01: a to b"] * 2 + ["02: c to e"] * 3


def test_eleven_rows_of_one_patient_are_one_patient() -> None:
    one = holders(np.zeros(11, int), np.zeros(11, int), 2)
    assert not may_show([one], [0])
    assert may_show([one], [1])
    assert not is_full([one], [1])


def test_levels_without_rows_are_in_no_group() -> None:
    sides = [side(20, 0, 20)] * 2
    assert neighbours(sides, [0, 2], is_full) == [[0], [2]]
    assert name_neighbours(sides, LEVELS[:3]).tolist() == ["01: a", "b", "02: c"]


@given(st.lists(st.integers(0, 40), min_size=8, max_size=8))
def test_large_groups_keep_their_name(counts) -> None:
    assume(all(count == 0 or count >= SMALLEST_GROUP for count in counts))
    assert name_nominal([side(*counts)] * 2, LEVELS).tolist() == list(LEVELS)
