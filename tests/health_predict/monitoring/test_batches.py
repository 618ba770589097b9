import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from health_predict.columns import ENCOUNTER
from health_predict.errors import InputError
from health_predict.monitoring.batches import batch_id, batches, cut
from tests.health_predict.monitoring.invented import encounters


def rows(count: int, start: int = 1) -> pd.DataFrame:
    return pd.DataFrame({ENCOUNTER: range(start, start + count), "age": "[50-60)"})


def test_full_batches_in_order_and_the_rest_marked() -> None:
    found = list(batches(cut(rows(2100), 1000), minimum=250))
    assert [len(batch.rows) for batch in found] == [1000, 1000, 100]
    assert [batch.large_enough for batch in found] == [True, True, False]
    assert pd.concat([batch.rows for batch in found])[ENCOUNTER].tolist() == list(range(1, 2101))


def test_small_pieces_wait_for_the_next() -> None:
    pieces = [rows(100, 1), rows(0), rows(100, 101), rows(100, 201), rows(300, 301), rows(10, 601)]
    found = list(batches(pieces, minimum=250))
    assert [len(batch.rows) for batch in found] == [300, 300, 10]
    assert [batch.large_enough for batch in found] == [True, True, False]


def test_no_rows_are_no_batch() -> None:
    assert list(batches([rows(0)], minimum=250)) == []
    assert list(batches([], minimum=250)) == []


@given(st.lists(st.integers(0, 60), max_size=12), st.integers(1, 80))
def test_every_row_is_in_one_batch_and_only_the_last_can_be_small(sizes, minimum) -> None:
    starts = [1 + sum(sizes[:i]) for i in range(len(sizes))]
    found = list(batches([rows(size, start) for size, start in zip(sizes, starts, strict=True)], minimum))
    together = [number for batch in found for number in batch.rows[ENCOUNTER]]
    assert together == list(range(1, sum(sizes) + 1))
    assert all(batch.large_enough for batch in found[:-1])
    assert all(batch.large_enough == (len(batch.rows) >= minimum) for batch in found)


def test_the_id_is_that_of_the_content() -> None:
    frame = encounters(20, seed=1)
    same = frame[list(reversed(frame.columns))].set_index(pd.Index(range(50, 70)))
    assert batch_id(frame) == batch_id(same)
    assert len(batch_id(frame)) == 16
    for changed in (frame.iloc[1:], frame.iloc[::-1], frame.assign(age="[0-10)"), frame.drop(columns="readmitted")):
        assert batch_id(changed) != batch_id(frame)


def test_the_id_is_the_same_on_every_machine() -> None:
    assert batch_id(rows(3)) == "162d208260864d92"


def test_an_encounter_that_comes_twice_is_refused() -> None:
    with pytest.raises(InputError, match=r"1 encounters come twice"):
        list(batches([rows(10), rows(5, 10)], minimum=15))


@pytest.mark.parametrize("size", [0, -5])
def test_a_batch_size_below_one_is_one_line(size) -> None:
    with pytest.raises(InputError, match="--batch-size"):
        list(cut(rows(3), size))
