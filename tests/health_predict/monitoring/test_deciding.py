import pytest

from health_predict.errors import InputError
from health_predict.monitoring.action import ActionSettings
from health_predict.monitoring.deciding import decide, history, position
from health_predict.monitoring.decision import Alarm, DriftVerdict
from health_predict.monitoring.ledger import Ledger

SETTINGS = ActionSettings()


def verdict(*raised: str) -> dict:
    alarms = tuple(Alarm(name, 9.0, 1.0, 0.0, raised=True) for name in raised)
    found = "DRIFT_DETECTED" if raised else "NO_DRIFT"
    return DriftVerdict(found, "why", "calibrated", True, 1000, 0, (), alarms, 0.1).as_dict()


def ledger_of(*batches: tuple[str, ...], rows: int = 1000) -> Ledger:
    """Batches b0, b1, ... with these alarms; all but the last one finished, the last one checked."""
    ledger = Ledger()
    for number, raised in enumerate(batches):
        name = f"b{number}"
        ledger = ledger.see(name, {"rows": rows}).advance(name, "scored", {"version": "2", "reference": "1"})
        ledger = ledger.advance(name, "checked", {"verdict": verdict(*raised)})
        if number < len(batches) - 1:
            ledger = decide(ledger, name, SETTINGS, delay=1, judges=3000)
            ledger = ledger.settle(name, {"result": "none"})
    return ledger


def decided(ledger: Ledger, batch: str, **options) -> dict:
    options = {"delay": 1, "judges": 3000} | options
    return dict(decide(ledger, batch, SETTINGS, **options).find(batch).records["decided"])


def test_the_record_says_what_was_known() -> None:
    record = decided(ledger_of((), (), ()), "b2")
    assert (record["action"], record["reference"], record["matured_rows"]) == ("none", "1", 2000)
    assert record["matured"] == ["b0", "b1"]


def test_impact_in_two_of_three_batches_retrains_once_enough_labels_have_matured() -> None:
    few = decided(ledger_of(("impact",), ("impact",)), "b1")
    assert few["action"] == "waiting"
    assert "1,000 of 3,000 labelled encounters" in few["reason"]
    enough = decided(ledger_of((), (), (), (), ("impact",), ("impact",)), "b5")
    assert (enough["action"], enough["matured_rows"]) == ("retrain", 5000)


def test_a_longer_delay_knows_fewer_outcomes() -> None:
    batches = ((), (), (), (), ("impact",), ("impact",))
    assert decided(ledger_of(*batches), "b5", delay=3)["matured_rows"] == 3000
    assert decided(ledger_of(*batches), "b5", delay=3)["action"] == "waiting"


def test_forcing_retrains_without_an_alarm() -> None:
    assert decided(ledger_of((), (), (), (), ()), "b4", forced=True)["action"] == "retrain"


def test_a_recalibration_before_the_batch_is_its_action() -> None:
    assert decided(ledger_of((), ("calibration",)), "b1", recalibrated=True)["action"] == "recalibrate"


def test_a_decided_batch_stays_as_it_is() -> None:
    ledger = decide(ledger_of((), ()), "b1", SETTINGS, delay=1, judges=3000)
    assert decide(ledger, "b1", SETTINGS, delay=0, judges=1, forced=True) is ledger


def test_a_batch_must_be_known_and_checked() -> None:
    with pytest.raises(InputError, match="batch zz was never seen"):
        decide(Ledger(), "zz", SETTINGS, delay=1, judges=3000)
    with pytest.raises(InputError, match="batch a is seen; check it before"):
        decide(Ledger().see("a", {"rows": 1}), "a", SETTINGS, delay=1, judges=3000)


def test_history_tells_what_became_of_actions() -> None:
    ledger = ledger_of(("impact",), ())
    past = history(ledger.entries[:1])[0]
    assert (past.raised, past.action, past.outcome) == (("impact",), "none", "pending")
    assert position(ledger, "b1") == 1
