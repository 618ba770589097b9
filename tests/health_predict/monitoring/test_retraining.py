import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from health_predict.columns import ENCOUNTER, PATIENT
from health_predict.errors import InputError
from health_predict.monitoring.maturity import matured
from health_predict.monitoring.retraining import JUDGES, retraining_data


def numbered(patients: list[int], first: int) -> pd.DataFrame:
    return pd.DataFrame({ENCOUNTER: range(first, first + len(patients)), PATIENT: patients})


patients = st.lists(st.integers(0, 30), max_size=25)


@st.composite
def streams(draw):
    """Initial encounters and batches after them, numbered in time, with patients who come back."""
    parts, first = [], 1
    for chosen in [draw(patients), *draw(st.lists(patients, max_size=6))]:
        parts.append(numbered(chosen, first))
        first += len(chosen)
    return parts[0], parts[1:]


@given(streams(), st.integers(1, 40), st.integers(0, 8), st.integers(0, 3))
def test_nobody_trains_and_judges_and_nothing_is_from_the_future(stream, judges, current, delay) -> None:
    initial, batches = stream
    usable = matured(batches, current, delay)
    data = retraining_data(initial, usable, judges=judges)
    if data.missing:
        assert sum(map(len, usable)) <= judges
        assert len(data.train) == len(data.judge) == 0
        return
    assert set(data.train[PATIENT]).isdisjoint(data.judge[PATIENT])
    assert len(data.judge) == judges
    known = pd.concat([initial, *usable])
    assert data.judge[ENCOUNTER].tolist() == known[ENCOUNTER].tolist()[-judges:]
    assert data.train[ENCOUNTER].is_unique
    assert set(data.train[ENCOUNTER]) | set(data.judge[ENCOUNTER]) <= set(known[ENCOUNTER])
    left_out = known[~known[ENCOUNTER].isin([*data.train[ENCOUNTER], *data.judge[ENCOUNTER]])]
    assert set(left_out[PATIENT]) <= set(data.judge[PATIENT])


def test_by_hand() -> None:
    initial = numbered([1, 2, 3], 1)
    data = retraining_data(initial, [numbered([4, 5], 4), numbered([2, 6], 6)], judges=2)
    assert data.judge[ENCOUNTER].tolist() == [6, 7]
    assert data.train[ENCOUNTER].tolist() == [1, 3, 4, 5]
    assert data.missing == ""


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        (0, "0 of 3,000 labelled encounters to judge by have matured"),
        (2999, "2,999 of 3,000 labelled encounters to judge by have matured"),
        (3000, "no labels have matured beyond those that judge: nothing is new to learn"),
        (3001, ""),
    ],
)
def test_a_retrain_waits_until_there_is_something_new(rows, reason) -> None:
    batch = numbered(list(range(rows)), 10_000)
    assert retraining_data(numbered(list(range(50)), 1), [batch]).missing == reason


def test_three_thousand_judge_by_default() -> None:
    batches = [numbered(list(range(i * 1000, (i + 1) * 1000)), 1 + i * 1000) for i in range(6)]
    data = retraining_data(numbered([], 1), batches)
    assert len(data.judge) == JUDGES == 3000
    np.testing.assert_array_equal(data.train[ENCOUNTER], np.arange(1, 3001))


def test_no_judges_are_refused() -> None:
    with pytest.raises(InputError, match="0 judging encounters can judge nothing"):
        retraining_data(numbered([1], 1), [], judges=0)
