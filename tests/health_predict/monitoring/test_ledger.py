import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from health_predict.errors import InputError
from health_predict.monitoring.ledger import STATES, Ledger

RECORDS = {state: {"step": state} for state in STATES}


def finished(batch: str, ledger: Ledger = Ledger()) -> Ledger:  # noqa: B008 - it is frozen
    ledger = ledger.see(batch, RECORDS["seen"])
    for state in STATES[1:]:
        ledger = ledger.advance(batch, state, RECORDS[state])
    return ledger.settle(batch, {"action": "none"})


def test_a_batch_goes_through_all_states_in_order() -> None:
    ledger = Ledger().see("a", RECORDS["seen"])
    assert ledger.find("a").state == "seen"
    for state in STATES[1:]:
        assert ledger.unfinished().batch == "a"
        ledger = ledger.advance("a", state, RECORDS[state])
        assert ledger.find("a").state == state
    assert ledger.unfinished().batch == "a"  # its action has not been carried out
    assert ledger.settle("a", {"action": "none"}).unfinished() is None


@given(st.lists(st.sampled_from([*STATES, "settled"]), max_size=25), st.integers(1, 3))
def test_doing_anything_again_changes_nothing(steps, times) -> None:
    """Kill and re-run: each asked-for transition is either refused or has the same effect once and often."""
    ledger = Ledger()
    for step in steps:
        try:
            after = _do(ledger, step)
        except InputError:
            continue
        for _ in range(times):
            assert _do(after, step) == after
        ledger = after
    assert Ledger.from_json(ledger.to_json()) == ledger


def _do(ledger: Ledger, step: str) -> Ledger:
    if step == "seen":
        return ledger.see("a", RECORDS["seen"])
    return ledger.settle("a", {"action": "none"}) if step == "settled" else ledger.advance("a", step, RECORDS[step])


@pytest.mark.parametrize("reached", range(len(STATES)))
@pytest.mark.parametrize("asked", range(1, len(STATES)))
def test_no_state_is_skipped(reached, asked) -> None:
    ledger = Ledger().see("a", RECORDS["seen"])
    for state in STATES[1 : reached + 1]:
        ledger = ledger.advance("a", state, RECORDS[state])
    if asked > reached + 1:
        with pytest.raises(InputError, match=f"is {STATES[reached]} and cannot become {STATES[asked]} at once"):
            ledger.advance("a", STATES[asked], RECORDS[STATES[asked]])
    else:
        assert ledger.advance("a", STATES[asked], RECORDS[STATES[asked]]).find("a").state == STATES[max(reached, asked)]


def test_the_next_batch_waits_for_the_one_before() -> None:
    ledger = Ledger().see("a", {})
    with pytest.raises(InputError, match="batch a is only seen; finish it before b"):
        ledger.see("b", {})
    assert [entry.batch for entry in finished("b", finished("a")).entries] == ["a", "b"]


def test_another_record_of_a_state_is_not_overwritten() -> None:
    ledger = finished("a")
    with pytest.raises(InputError, match="already seen with another record"):
        ledger.see("a", {"rows": 2})
    with pytest.raises(InputError, match="already scored with another record"):
        ledger.advance("a", "scored", {"model_version": "2"})
    with pytest.raises(InputError, match="has another outcome on record"):
        ledger.settle("a", {"action": "retrain"})


@pytest.mark.parametrize("state", STATES[1:])
def test_a_batch_that_was_never_seen_is_refused(state) -> None:
    with pytest.raises(InputError, match="batch x was never seen"):
        finished("a").advance("x", state, {})
    with pytest.raises(InputError, match="batch x was never seen"):
        finished("a").settle("x", {})


def test_an_action_is_settled_after_its_decision() -> None:
    with pytest.raises(InputError, match="its action is not decided yet"):
        Ledger().see("a", {}).settle("a", {})


def test_a_ledger_is_not_changed_by_what_follows() -> None:
    before = Ledger().see("a", {})
    before.advance("a", "scored", {})
    assert before.find("a").state == "seen"


def test_it_survives_json_and_is_written_the_same_every_time() -> None:
    ledger = finished("b", finished("a")).see("c", {"rows": 3})
    assert Ledger.from_json(ledger.to_json()) == ledger
    assert Ledger.from_json(ledger.to_json()).to_json() == ledger.to_json()


def _changed(change) -> str:
    content = json.loads(finished("a").to_json())
    change(content)
    return json.dumps(content)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        finished("a").to_json()[:-30],
        _changed(lambda c: c.update(format=2)),
        _changed(lambda c: c["entries"][0].update(records={})),
        _changed(lambda c: c["entries"][0]["records"].pop("scored")),
        _changed(lambda c: c["entries"][0].update(extra=1)),
        _changed(lambda c: c["entries"].append(c["entries"][0])),
    ],
)
def test_a_broken_ledger_is_one_line(text) -> None:
    with pytest.raises(InputError, match=r"^ledger: .*restore") as caught:
        Ledger.from_json(text)
    assert "\n" not in str(caught.value)
