import pytest

from driver.monitor_line import show_batch
from health_predict.monitoring.ledger import Ledger

AUROC = {"value": 0.7, "low": 0.65, "high": 0.75}


def shown(capsys: pytest.CaptureFixture[str], *, shift=None, performance=None, decided=None, outcome=None) -> str:
    verdict = {"verdict": "DRIFT_DETECTED", "reason": "columns (age) deviate"}
    labels = {"performance": performance, "labelled_index": 3, "labelled_expected_auroc": 0.71}
    ledger = Ledger().see("b1", {"index": 4, "rows": 1000, "shift": shift}).advance("b1", "scored", {})
    ledger = ledger.advance("b1", "checked", {"verdict": verdict, **labels})
    ledger = ledger.advance("b1", "decided", decided or {"action": "none", "reason": "no alarm"})
    show_batch(ledger.settle("b1", outcome or {"result": "none", "version": None}).entries[0])
    return capsys.readouterr().out.strip()


def test_it_is_one_line_of_batch_rows_verdict_reason_and_action(capsys) -> None:
    expected = "batch 4 (b1) | 1,000 rows | DRIFT_DETECTED | columns (age) deviate | action: none"
    assert shown(capsys) == expected


def test_realised_performance_stands_where_labels_have_matured(capsys) -> None:
    assert "| AUROC 0.700 (0.650-0.750) on batch 3, expected 0.710 |" in shown(capsys, performance={"auroc": AUROC})
    nothing = dict.fromkeys(AUROC)
    assert "no AUROC on batch 3: all its outcomes are the same" in shown(capsys, performance={"auroc": nothing})


def test_an_injected_shift_is_said(capsys) -> None:
    assert "1,000 rows, INJECTED a1c:2 |" in shown(capsys, shift="a1c:2")


def test_an_action_says_what_came_of_it(capsys) -> None:
    retrain = {"action": "retrain", "reason": "impact"}
    promoted = {"result": "promoted", "version": "4", "served": "4"}
    assert shown(capsys, decided=retrain, outcome=promoted).endswith("retrain: version 4 promoted, version 4 is served")
    refused = {"result": "refused", "version": "5", "served": None}
    assert shown(capsys, decided=retrain, outcome=refused).endswith("action: retrain: version 5 refused")
    waiting = {"action": "waiting", "reason": "cool-down of 1 batches"}
    assert shown(capsys, decided=waiting).endswith("action: waiting (cool-down of 1 batches)")
