from hypothesis import given
from hypothesis import strategies as st

from health_predict.champions import ChampionChange
from health_predict.monitoring.champion_line import ChampionMark, Served, place_changes


def log(*entries) -> tuple[ChampionChange, ...]:
    """Entries of kind and version; each replaces the one before."""
    before = [None, *(version for _, version in entries)]
    return tuple(
        ChampionChange(i + 1, "2026-01-01T00:00:00+00:00", kind, version, before[i], "a reason")
        for i, (kind, version) in enumerate(entries)
    )


def test_a_change_stands_before_the_first_batch_of_the_new_champion():
    served = [Served("1"), Served("1", "retrain", "2"), Served("2", "recalibrate", "3"), Served("3"), Served("2")]
    changes = log(("promotion", "1"), ("promotion", "2"), ("promotion", "3"), ("rollback", "2"))
    assert place_changes(served, changes) == (
        ChampionMark(2, "retrained", "2", "1"),
        ChampionMark(3, "recalibrated", "3", "2"),
        ChampionMark(4, "rollback", "2", "3"),
    )


def test_what_no_batch_has_seen_yet_stands_after_the_last():
    served = [Served("1", "retrain", "2")]
    changes = log(("promotion", "1"), ("promotion", "2"), ("by hand", None))
    assert place_changes(served, changes) == (
        ChampionMark(1, "retrained", "2", "1"),
        ChampionMark(1, "by hand", None, "2"),
    )


def test_champions_before_monitoring_are_left_out():
    changes = log(("promotion", "1"), ("promotion", "2"), ("rollback", "1"), ("promotion", "3"))
    assert place_changes([Served("3"), Served("3")], changes) == ()


def test_a_champion_of_the_training_pipeline_is_told_from_one_of_monitoring():
    changes = log(("promotion", "1"), ("promotion", "2"))
    assert place_changes([Served("1"), Served("2")], changes)[0].kind == "promotion"


def test_a_recalibration_in_a_batch_that_was_then_retrained_is_told_from_its_reason():
    first, second = log(("promotion", "1"), ("promotion", "2"))
    moved = ChampionChange(2, second.at, "promotion", "2", "1", "recalibrated: intercept moved by +0.12")
    assert place_changes([Served("1"), Served("2", "retrain", "3")], (first, moved))[0].kind == "recalibrated"


def test_a_batch_that_is_not_scored_changes_nothing():
    assert place_changes([Served(None)], log(("promotion", "1"))) == ()
    assert place_changes([Served("1"), Served(None)], log(("promotion", "1"))) == ()


@st.composite
def lives(draw) -> tuple[list[Served], tuple[ChampionChange, ...]]:
    """Some batches, with any number of changes of champion between two of them."""
    entries, served = [("promotion", "1")], []
    for _ in range(draw(st.integers(1, 8))):
        for version in draw(st.lists(st.sampled_from("1234"), max_size=3)):
            if version != entries[-1][1]:
                entries.append((draw(st.sampled_from(["promotion", "rollback", "by hand"])), version))
        served.append(Served(entries[-1][1]))
    return served, log(*entries)


@given(lives())
def test_marks_lead_from_champion_to_champion(life):
    served, changes = life
    marks = place_changes(served, changes)
    assert [mark.before for mark in marks] == sorted(mark.before for mark in marks)
    for index, batch in enumerate(served):
        so_far = [mark.version for mark in marks if mark.before <= index]
        assert (so_far or [served[0].version])[-1] == batch.version
    assert (marks[-1].version if marks else served[-1].version) == changes[-1].version
    assert all(0 < mark.before <= len(served) for mark in marks)
