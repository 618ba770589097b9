import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from health_predict.errors import InputError
from health_predict.monitoring.history import read_history
from health_predict.monitoring.ledger import STATES, Ledger
from tests.health_predict.monitoring.invented_ledger import (
    champion_at,
    changes,
    identifier,
    ledger,
    too_small_at_the_end,
)


def changed(record: str, count: int = 3, **fields) -> Ledger:
    """A ledger with fields of the last batch's record replaced; None takes a field away."""
    found = ledger(count)
    last = found.entries[-1]
    values = {name: value for name, value in {**last.records[record], **fields}.items() if value is not None}
    return Ledger((*found.entries[:-1], replace(last, records={**last.records, record: values})))


def test_a_batch_has_what_was_found_decided_and_done():
    batch = read_history(ledger(16, shifts={3: "a1c:1.0"}), changes()).batches[3]
    assert (batch.id, batch.number, batch.rows, batch.state) == (identifier(3), 3, 1000, "decided")
    assert (batch.provenance, batch.shift, batch.version) == ("uci", "a1c:1.0", "1")
    assert batch.expected_auroc == 0.68
    assert batch.alarmed == (batch.verdict.verdict == "DRIFT_DETECTED") is True
    assert batch.alarm("column").raised
    assert batch.columns[0].deviation == max(c.deviation for c in batch.columns) == batch.alarm("column").statistic
    assert batch.evidently.reports == {"data_drift": f"drift_reports/{identifier(3)}/data_drift.html"}
    assert (batch.action, batch.run) == ("retrain", "mlflow3")
    assert (batch.settled.result, batch.settled.version, batch.settled.served) == ("promoted", "2", "2")


def test_labels_belong_to_their_batch_and_not_to_the_one_at_which_they_matured():
    found = ledger(5)
    batches = read_history(found, changes()).batches
    for index, batch in enumerate(batches[:-1]):
        told = found.entries[index + 1].records["checked"]
        assert batch.realised.checked_at == index + 1
        assert batch.realised.observed == told["performance"]["observed"]
        assert batch.realised.auroc.value == told["performance"]["auroc"]["value"]
        assert batch.realised.reference_auroc == pytest.approx(0.69)
        assert batch.realised.calibration.statistic == told["performance"]["calibration_z"]
        assert len(batch.realised.groups) == len(told["slices"])
    assert batches[-1].realised is None


def test_who_is_champion_and_who_is_served():
    history = read_history(ledger(16), changes())
    assert (history.champion, history.served, history.latest.number) == ("2", "2", 15)
    assert [(m.before, m.kind, m.version) for m in history.marks] == [
        (4, "retrained", "2"),
        (7, "recalibrated", "3"),
        (11, "rollback", "2"),
    ]


def test_without_a_log_champions_are_told_from_the_scores():
    history = read_history(ledger(16), ())
    assert [(m.before, m.kind, m.version) for m in history.marks] == [
        (4, "retrained", "2"),
        (7, "recalibrated", "3"),
        (11, "retrained", "2"),
    ]
    assert history.champion == "2"


@pytest.mark.parametrize("state", STATES)
def test_a_batch_may_have_come_to_any_state(state):
    batch = read_history(ledger(4, last=state), changes()).batches[-1]
    assert batch.state == state
    assert (batch.version is None) == (state == "seen")
    assert (batch.verdict is None) == (state in ("seen", "scored"))
    assert (batch.action is None) == (state != "decided")
    assert batch.settled is None


@given(st.integers(0, 14), st.sampled_from([*STATES, "settled"]), st.integers(0, 4))
def test_any_ledger_on_the_way_is_read(count, last, known):
    history = read_history(ledger(count, last=last), changes()[:known])
    assert [batch.number for batch in history.batches] == list(range(count))
    assert [batch.version for batch in history.batches[:-1]] == [champion_at(index) for index in range(count - 1)]
    labelled = [batch.realised is not None for batch in history.batches]
    assert labelled == sorted(labelled, reverse=True)
    assert sum(labelled) == max(0, count - 1 - (last in ("seen", "scored")))


def test_what_is_too_small_is_not_judged():
    batch = read_history(too_small_at_the_end(2), changes()).batches[-1]
    assert not batch.judged
    assert not batch.alarmed
    assert batch.alarm("column") is None


def test_nothing_has_happened_yet():
    history = read_history(Ledger(), ())
    assert (history.provenance, history.champion, history.served, history.latest) == (None, None, None, None)


def test_one_synthetic_batch_makes_all_synthetic():
    mixed = changed("seen", provenance="synthetic")
    assert read_history(mixed, ()).provenance == "synthetic"
    assert read_history(ledger(2), ()).provenance == "uci"


def test_what_may_be_missing_may_be_missing():
    checked = dict.fromkeys(("columns", "evidently", "slices", "mlflow_run_id", "labelled", "performance"))
    history = read_history(changed("checked", **checked), ())
    assert history.batches[-1].columns == ()
    assert history.batches[-1].evidently is None
    assert history.batches[-2].realised is None
    number = read_history(changed("seen", index=None, shift=None), ()).batches[-1].number
    assert number == 2


@pytest.mark.parametrize(
    "auroc", [{"value": None, "low": None, "high": None}, {"value": 0.5, "low": None, "high": None}]
)
def test_an_auroc_of_one_outcome_is_none(auroc):
    performance = {**ledger(3).entries[-1].records["checked"]["performance"], "auroc": auroc, "auroc_loss": None}
    realised = read_history(changed("checked", performance=performance), ()).batches[1].realised
    assert realised.auroc is None
    assert realised.reference_auroc is None
    assert realised.observed > 0


CANARY = "77123456789"


@pytest.mark.parametrize(
    ("record", "fields", "problem"),
    [
        ("seen", {"rows": None}, "'rows' is missing"),
        ("seen", {"provenance": CANARY}, "another form"),
        ("scored", {"version": None}, "'version' is missing"),
        ("checked", {"verdict": None}, "'verdict' is missing"),
        ("checked", {"verdict": {CANARY: 1}}, "drift verdict: field"),
        ("checked", {"columns": {"age": CANARY}}, "another form"),
        ("checked", {"columns": {"age": [0.1, {CANARY: 1}]}}, "another form"),
        ("checked", {"performance": {"auroc": CANARY}}, "another form"),
        ("checked", {"performance": {"auroc": None}}, "'rows' is missing"),
        ("checked", {"slices": [{CANARY: 1}]}, "'auroc' is missing"),
        ("checked", {"slices": [{"auroc": None, "gap": None, CANARY: 1}]}, "another form"),
        ("decided", {"action": None}, "'action' is missing"),
    ],
)
def test_a_broken_record_is_one_line_that_names_the_batch(record, fields, problem):
    with pytest.raises(InputError, match=problem) as caught:
        read_history(changed(record, **fields), ())
    assert "\n" not in str(caught.value)
    if "drift verdict" not in problem:
        assert f"batch {identifier(2)}" in str(caught.value)
        assert CANARY not in str(caught.value)


def test_it_reads_what_went_through_json():
    found = ledger(6, shifts={2: "payer:0.3"})
    again = Ledger.from_json(json.dumps(json.loads(found.to_json())))
    assert read_history(again, changes()) == read_history(found, changes())
