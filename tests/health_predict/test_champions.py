from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from health_predict.champions import ChampionChange, earlier_champions, next_change
from health_predict.errors import InputError

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def log_of(*steps):
    """Each step is a version promoted, or "<" and the version rolled back to, or "-" for taken away by hand."""
    log = []
    for step in steps:
        kind = {"<": "rollback", "-": "by hand"}.get(step[0], "promotion")
        version = None if step == "-" else step.strip("<")
        replaced = log[-1].version if log else None
        log.append(next_change(log, kind=kind, version=version, replaced=replaced, reason="r", now=NOW))
    return log


@pytest.mark.parametrize(
    ("steps", "champion", "earlier"),
    [
        ((), None, ()),
        (("1",), "1", ()),
        (("1", "2", "3"), "3", ("2", "1")),
        (("1", "2", "3", "<2"), "2", ("1",)),
        (("1", "2", "3", "<2", "<1"), "1", ()),
        (("1", "2", "3", "<1"), "1", ()),
        (("1", "2", "<1", "3"), "3", ("1",)),
        (("1", "2", "1"), "1", ("2",)),
        (("1", "2", "1", "<2"), "2", ("1",)),
        (("1", "2", "-"), None, ("2", "1")),
        (("1", "2", "-", "3"), "3", ("2", "1")),
        (("<5",), "5", ()),
    ],
)
def test_whom_a_rollback_may_return_to(steps, champion, earlier):
    assert earlier_champions(log_of(*steps), champion) == earlier


@given(st.lists(st.integers(1, 6).map(str), min_size=1, max_size=12))
def test_rolling_back_again_and_again_ends_and_never_visits_the_version_just_left(promoted):
    steps = [version for index, version in enumerate(promoted) if version != promoted[index - 1 : index][:1]]
    log, champion, visited = log_of(*steps), promoted[-1], 0
    while earlier := earlier_champions(log, champion):
        left = champion
        champion = earlier[0]
        log.append(next_change(log, kind="rollback", version=champion, replaced=left, reason="r", now=NOW))
        assert champion != left
        visited += 1
        assert visited <= len(promoted)
    assert champion == promoted[0]


def test_entries_are_numbered_and_survive_json():
    log = log_of("1", "2", "<1", "-")
    assert [change.number for change in log] == [1, 2, 3, 4]
    assert [ChampionChange.from_json(change.as_json()) for change in log] == log
    assert log[0].at == "2026-01-02T03:04:05+00:00"


@pytest.mark.parametrize("text", ["", "{", "[]", "3", '{"number": 1}'])
def test_an_unreadable_entry_is_bad_input(text):
    with pytest.raises(InputError, match="not readable"):
        ChampionChange.from_json(text)
