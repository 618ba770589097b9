import pytest
from hypothesis import given
from hypothesis import strategies as st

from health_predict.errors import InputError
from health_predict.monitoring.maturity import matured, newly_matured


@given(st.integers(0, 30), st.integers(0, 30), st.integers(0, 6))
def test_no_label_is_used_before_its_time(count, current, delay) -> None:
    usable = matured(range(count), current, delay)
    assert all(batch + delay <= current for batch in usable)
    assert list(usable) == [batch for batch in range(count) if batch + delay <= current]


@given(st.integers(0, 30), st.integers(0, 6))
def test_every_batch_matures_once(count, delay) -> None:
    arrived = [newly_matured(current, delay) for current in range(count)]
    assert [batch for batch in arrived if batch is not None] == list(range(max(0, count - delay)))
    for current, batch in enumerate(arrived):
        usable = matured(range(count), current, delay)
        assert (batch == usable[-1]) if usable else (batch is None)


def test_the_default_delay_by_hand() -> None:
    assert list(matured("abc", 2, 1)) == ["a", "b"]
    assert newly_matured(0, 1) is None
    assert newly_matured(2, 1) == 1
    assert newly_matured(2, 0) == 2


@pytest.mark.parametrize(("current", "delay"), [(-1, 1), (0, -1)])
def test_below_zero_is_one_line(current, delay) -> None:
    with pytest.raises(InputError, match="--label-delay"):
        matured([], current, delay)
    with pytest.raises(InputError, match="--label-delay"):
        newly_matured(current, delay)
