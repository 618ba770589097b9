from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from health_predict.columns import AGES, GENDERS, PATIENT, RACES
from health_predict.evaluation import Interval
from health_predict.slices import AGE_GROUPS, POOLED, Slice, slice_performance, tell


def cohort(races: list, genders: list, ages: list, patients: list) -> pd.DataFrame:
    return pd.DataFrame({"race": races, "gender": genders, "age": ages, PATIENT: patients})


def drawn(rows: int, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    frame = cohort(
        rng.choice([*RACES, None], rows),
        rng.choice(GENDERS[:2], rows),
        rng.choice(AGES, rows),
        rng.integers(1, rows, rows).tolist(),
    )
    p = rng.beta(3, 3, rows)
    return frame, (rng.random(rows) < p).astype(int), p


@pytest.fixture(scope="module")
def measured():
    frame, y, p = drawn(1500)
    return frame, y, p, slice_performance(frame, y, p, threshold=0.5, seed=0)


def test_every_encounter_is_in_one_slice_of_each_column(measured) -> None:
    frame, _, _, slices = measured
    for column in ("race", "gender", "age"):
        assert sum(s.rows for s in slices if s.column == column) == len(frame)
    assert [s.group for s in slices if s.column == "age"] == ["40-60", "60-70", "70-80", "80+", "<40"]
    assert {s.group for s in slices if s.column == "race"} == {*RACES, "unknown"}


def test_values_by_hand(measured) -> None:
    frame, y, p, slices = measured
    part = next(s for s in slices if (s.column, s.group) == ("race", "Asian"))
    rows = (frame["race"] == "Asian").to_numpy()
    assert part.rows == rows.sum()
    assert part.patients == frame.loc[rows, PATIENT].nunique()
    assert part.positive_rate == pytest.approx(y[rows].mean())
    assert part.mean_probability == pytest.approx(p[rows].mean())
    assert part.auroc.value == pytest.approx(roc_auc_score(y[rows], p[rows]))
    assert part.miss_rate.value == pytest.approx(((p < 0.5) & (y == 1))[rows].sum() / y[rows].sum())
    assert part.calibration_gap.value == pytest.approx(y[rows].mean() - p[rows].mean())


def test_every_value_lies_in_its_interval(measured) -> None:
    for part in measured[-1]:
        for interval in (part.auroc, part.miss_rate, part.calibration_gap):
            assert interval.low <= interval.value <= interval.high


@pytest.mark.parametrize(
    ("positives", "told"),
    [
        (10, {"positive_rate": False, "auroc": False, "miss_rate": False, "calibration_gap": False}),
        (11, {"positive_rate": True, "auroc": True, "miss_rate": True, "calibration_gap": True}),
        (90, {"positive_rate": False, "auroc": False, "miss_rate": True, "calibration_gap": False}),
    ],
)
def test_no_figure_is_told_that_fewer_than_eleven_of_an_outcome_stand_behind(positives: int, told: dict) -> None:
    known = Interval(0.6, 0.5, 0.7)
    found = asdict(tell(Slice("race", "Asian", 100, 90, positives / 100, 0.4, known, known, known)))
    assert {name: found[name] is not None for name in told} == told
    assert (found["rows"], found["patients"], found["mean_probability"]) == (100, 90, 0.4)


def test_a_figure_that_a_group_cannot_have_is_not_told() -> None:
    known, none = Interval(0.6, 0.5, 0.7), Interval(np.nan, np.nan, np.nan)
    assert tell(Slice("race", "Asian", 100, 90, 0.5, 0.4, none, known, known)).auroc is None


def test_same_seed_same_slices(measured) -> None:
    frame, y, p, slices = measured
    assert slice_performance(frame, y, p, threshold=0.5, seed=0) == slices


def test_every_declared_age_has_a_group() -> None:
    assert set(AGE_GROUPS) == set(AGES)


def test_a_small_group_is_pooled_with_the_next_smallest() -> None:
    races = ["Caucasian"] * 60 + ["Hispanic"] * 20 + ["Asian"] * 3
    frame = cohort(races, ["Male"] * 83, ["[50-60)"] * 83, list(range(83)))
    y, p = np.arange(83) % 2, np.linspace(0, 1, 83)
    slices = slice_performance(frame, y, p, threshold=0.5, seed=0)
    assert {s.group: s.patients for s in slices if s.column == "race"} == {"Caucasian": 60, POOLED: 23}


def test_two_small_groups_of_the_same_patients_are_counted_once() -> None:
    """Six patients recorded as Asian once and as Other once are six, not twelve."""
    races = ["Asian"] * 6 + ["Other"] * 6 + ["Caucasian"] * 20
    patients = [*range(6), *range(6), *range(100, 120)]
    frame = cohort(races, ["Male"] * 32, ["[50-60)"] * 32, patients)
    slices = slice_performance(frame, np.arange(32) % 2, np.linspace(0, 1, 32), threshold=0.5, seed=0)
    assert {s.group: s.patients for s in slices if s.column == "race"} == {POOLED: 26}


def test_encounters_do_not_stand_for_patients() -> None:
    races = ["Asian"] * 50 + ["Caucasian"] * 20
    frame = cohort(races, ["Male"] * 70, ["[50-60)"] * 70, [1] * 50 + list(range(2, 22)))
    slices = slice_performance(frame, np.arange(70) % 2, np.linspace(0, 1, 70), threshold=0.5, seed=0)
    assert {s.group for s in slices if s.column == "race"} == {POOLED}


def test_too_few_patients_give_no_slices() -> None:
    frame, y, p = drawn(40)
    assert slice_performance(frame.assign(**{PATIENT: np.arange(40) % 10}), y, p, threshold=0.5, seed=0) == ()
    assert slice_performance(frame.assign(**{PATIENT: np.arange(40) % 11}), y, p, threshold=0.5, seed=0) != ()


def test_a_slice_of_one_outcome_has_no_auroc_but_a_gap() -> None:
    frame, _, p = drawn(60)
    part = slice_performance(frame.assign(race="Asian"), np.zeros(60), p, threshold=0.5, seed=0)[0]
    assert np.isnan(part.auroc.value)
    assert np.isnan(part.miss_rate.value)
    assert part.calibration_gap.value == pytest.approx(-p.mean())


@given(st.lists(st.tuples(st.sampled_from([*RACES, None]), st.integers(0, 40)), min_size=1, max_size=80))
@settings(max_examples=30)
def test_no_slice_ever_has_fewer_than_eleven_patients(encounters) -> None:
    rows = len(encounters)
    frame = cohort([r for r, _ in encounters], ["Male"] * rows, ["[50-60)"] * rows, [n for _, n in encounters])
    slices = slice_performance(frame, np.arange(rows) % 2, np.full(rows, 0.5), threshold=0.5, seed=0)
    assert all(part.patients >= 11 for part in slices)
    assert bool(slices) == (frame[PATIENT].nunique() >= 11)
