import json

import pytest

from health_predict.monitoring.ledger import Entry, Ledger
from health_predict.monitoring.run_record import RunRecord, outcome_tags, run_record
from tests.health_predict.monitoring.invented_ledger import identifier, ledger, too_small_at_the_end


def record_of(found: Ledger, index: int) -> RunRecord:
    entry = found.entries[index]
    return run_record(entry, entry.records["checked"], false_alarm_rate=0.01)


def changed(entry: Entry, **checked) -> RunRecord:
    return run_record(entry, {**entry.records["checked"], **checked}, false_alarm_rate=0.01)


@pytest.fixture(scope="module")
def batches() -> Ledger:
    return ledger(5, shifts={3: "a1c:1.0"})


def test_a_batch_is_described_by_figures_and_names(batches) -> None:
    found, checked = record_of(batches, 3), batches.entries[3].records["checked"]
    assert found.params == {
        "batch": identifier(3),
        "index": "3",
        "rows": "1000",
        "shift": "a1c:1.0",
        "model_version": "1",
        "model_run_id": "r",
        "rule": "calibrated",
        "false_alarm_rate": "0.01",
        "labelled_batch": identifier(2),
    }
    assert found.metrics["data_drift_detected"] == 1.0
    assert found.metrics["deviating_columns"] == len(checked["verdict"]["columns"])
    assert (found.metrics["number_of_drifting_features"], found.metrics["drift_share"]) == (2.0, 0.05)
    assert found.metrics["realised_auroc"] == checked["performance"]["auroc"]["value"]
    assert found.metrics["expected_auroc"] == 0.68
    assert found.metrics["column_statistic"] > found.metrics["column_threshold"] == 4.5
    assert found.metrics["column_alarm"] == 1.0
    assert found.tags["verdict"] == "DRIFT_DETECTED"
    assert found.tags["report.data_drift"].endswith("data_drift.html")
    assert all(type(value) is float for value in found.metrics.values())


def test_before_labels_have_matured_nothing_is_said_of_them(batches) -> None:
    found = record_of(batches, 0)
    assert found.params["labelled_batch"] == "none"
    assert found.params["shift"] == "none"
    assert not {"realised_auroc", "observed_rate", "auroc_statistic", "calibration_alarm"} & set(found.metrics)


def test_a_batch_that_is_too_small_is_not_judged() -> None:
    found = record_of(too_small_at_the_end(2), 2)
    assert (found.metrics["judged"], found.metrics["data_drift_detected"]) == (0.0, 0.0)
    assert found.tags["reason"].startswith("too small to judge")
    assert "column_statistic" not in found.metrics


@pytest.mark.parametrize("auroc", [None, {"value": None, "low": None, "high": None}])
def test_what_is_no_number_is_left_out(batches, auroc) -> None:
    entry = batches.entries[2]
    verdict = json.loads(json.dumps(entry.records["checked"]["verdict"]))
    verdict["alarms"][3] |= {"statistic": float("nan")}
    performance = {**entry.records["checked"]["performance"], "auroc": auroc}
    found = changed(entry, verdict=verdict, performance=performance, evidently=None)
    assert "observed_rate" in found.metrics
    assert "auroc_threshold" in found.metrics
    assert not {"realised_auroc", "auroc_statistic", "drift_share"} & set(found.metrics)


def test_a_long_reason_is_cut(batches) -> None:
    verdict = {**batches.entries[2].records["checked"]["verdict"], "reason": "x" * 9000}
    assert len(changed(batches.entries[2], verdict=verdict).tags["reason"]) == 500


def test_the_outcome_is_told_as_far_as_it_is_known() -> None:
    settled, decided, checked = ledger(4).entries[3], ledger(4, last="decided").entries[3], ledger(4, last="checked")
    assert outcome_tags(checked.entries[3]) == {}
    assert outcome_tags(decided) == {"action": "retrain", "action_reason": "no alarm"}
    found = outcome_tags(settled)
    assert (found["action"], found["outcome"], found["outcome_version"]) == ("retrain", "promoted", "2")
