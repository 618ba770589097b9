import pytest

from health_predict.notification import of_alarm, of_promotion
from tests.health_predict.monitoring.invented_ledger import ledger


def promotion(**changed) -> dict:
    known = {"promoted": True, "reason": "AUROC higher by 0.010", "challenger_version": "2", "provenance": "uci"}
    return {**known, **changed}


@pytest.mark.parametrize(
    ("decision", "told"),
    [
        (promotion(), "HealthPredict version 2 promoted: AUROC higher by 0.010"),
        (promotion(promoted=False, reason="nothing gained"), "HealthPredict version 2 refused: nothing gained"),
        (promotion(provenance="synthetic"), "HealthPredict version 2 promoted (SYNTHETIC DATA): AUROC higher by 0.010"),
    ],
)
def test_promotion_and_refusal_say_why(decision: dict, told: str) -> None:
    assert of_promotion(decision) == told


def test_an_alarm_is_told_with_its_reason_and_action_and_a_quiet_batch_is_not() -> None:
    for entry in ledger(12, shifts={4: "age"}).entries:
        told, verdict = of_alarm(entry), entry.records["checked"]["verdict"]
        if verdict["verdict"] == "NO_DRIFT":
            assert told is None
        else:
            index, shift = entry.records["seen"]["index"], entry.records["seen"]["shift"]
            start = f"HealthPredict, batch {index} (INJECTED {shift}): " if shift else f"HealthPredict, batch {index}: "
            assert told == f"{start}{verdict['reason']}; action: {entry.records['decided']['action']}"


def test_the_invented_batches_hold_both_kinds() -> None:
    kinds = {entry.records["checked"]["verdict"]["verdict"] for entry in ledger(12).entries}
    assert kinds == {"DRIFT_DETECTED", "NO_DRIFT"}
