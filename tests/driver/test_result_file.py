"""--result: refused before anything runs, and one whole JSON afterwards."""

import json
from pathlib import Path

import pytest

from driver.result_file import claim, file_check_result, kept_if_failing, monitoring_result, write
from driver.train_result import TrainResult
from health_predict.errors import InfrastructureError, InputError
from health_predict.monitoring.ledger import Entry, Ledger
from tests.driver.refusals import assert_refused, command, folder

__all__ = ["folder"]


def settled(index: int, verdict: str, action: str, outcome: dict[str, object]) -> Entry:
    batch = f"b{index}"
    ledger = Ledger().see(batch, {"index": index, "rows": 1000, "shift": None})
    ledger = ledger.advance(batch, "scored", {})
    ledger = ledger.advance(batch, "checked", {"verdict": {"verdict": verdict, "reason": f"reason {index}"}})
    ledger = ledger.advance(batch, "decided", {"action": action, "reason": f"why {index}"})
    return ledger.settle(batch, outcome).entries[0]


@pytest.mark.parametrize("where", ["absent/result.json", "in.csv/result.json", "state-of-things"])
@pytest.mark.parametrize("pipeline", ["train", "deploy", "monitor"])
def test_a_place_that_cannot_be_written_is_refused_before_anything_runs(
    folder: Path, pipeline: str, where: str
) -> None:
    (folder / "state-of-things").mkdir()
    result = command(pipeline, "--result", folder / where)
    assert_refused(result, folder, f"--result {folder / where}: ")


def test_a_checked_file_refuses_it_too(folder: Path) -> None:
    result = command("monitor", "--current", folder / "in.csv", "--result", folder / "absent" / "r.json")
    assert_refused(result, folder, "cannot be written (No such file or directory)")


def test_pipelines_without_a_result_refuse_the_option(folder: Path) -> None:
    assert_refused(command("rollback", "--result", folder / "r.json"), folder, "--result does not belong to rollback")


def test_an_earlier_result_is_gone_once_a_command_begins(tmp_path: Path) -> None:
    old = tmp_path / "r.json"
    old.write_text("{}")
    assert claim(str(old), dry_run=True) == old
    assert old.exists()
    claim(str(old), dry_run=False)
    assert list(tmp_path.iterdir()) == []


def test_nothing_asked_is_nothing_written(tmp_path: Path) -> None:
    file = claim(None, dry_run=False)
    write(file, {"command": "deploy"})
    assert file is None
    assert list(tmp_path.iterdir()) == []


def test_it_is_written_whole_and_what_could_not_be_computed_is_null(tmp_path: Path) -> None:
    write(tmp_path / "r.json", {"scores": [{"value": float("nan")}, {"value": 0.5}]})
    assert json.loads((tmp_path / "r.json").read_text()) == {"scores": [{"value": None}, {"value": 0.5}]}
    assert [path.name for path in tmp_path.iterdir()] == ["r.json"]


def test_a_folder_that_went_away_is_said_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone/r.json: cannot be written \(No such file.*the command itself is done"):
        write(tmp_path / "gone" / "r.json", {})


def test_monitoring_has_an_entry_a_batch_and_a_verdict_over_all() -> None:
    promoted = {"result": "promoted", "version": "4", "served": "4"}
    entries = [
        settled(0, "NO_DRIFT", "none", {"result": "none", "version": None, "served": "1"}),
        settled(1, "DRIFT_DETECTED", "retrain", promoted),
    ]
    result = monitoring_result(entries, ended=False)
    assert result["verdict"] == "DRIFT_DETECTED"
    assert result["ended"] is False
    expected = {"batches": 2, "DRIFT_DETECTED": 1, "NO_DRIFT": 1, "promoted": 1, "refused": 0, "waiting": 0}
    assert result["counts"] == expected
    assert result["batches"][1] == {
        "batch": "b1",
        "index": 1,
        "rows": 1000,
        "shift": None,
        "verdict": "DRIFT_DETECTED",
        "reason": "reason 1",
        "action": "retrain",
        "action_reason": "why 1",
        "outcome": promoted,
    }
    assert json.loads(json.dumps(result)) == result


def test_no_drift_and_the_end_of_the_stream() -> None:
    quiet = [settled(0, "NO_DRIFT", "none", {"result": "none", "version": None})]
    assert monitoring_result(quiet, ended=False)["verdict"] == "NO_DRIFT"
    over = monitoring_result([], ended=True)
    assert (over["verdict"], over["ended"], over["batches"]) == (None, True, [])


def test_a_checked_file_has_its_verdict_where_the_stream_has_it() -> None:
    verdict = {"verdict": "NO_DRIFT", "reason": "nothing deviates", "alarms": []}
    check = {"id": "c1", "rows": 40, "outcomes": "no labels", "folder": "/r", "verdict": verdict, "columns": ["age"]}
    result = file_check_result(check)
    assert (result["verdict"], result["reason"]) == ("NO_DRIFT", "nothing deviates")
    assert result["check"] == {"id": "c1", "rows": 40, "outcomes": "no labels", "folder": "/r"}


def test_training_tells_version_promotion_and_scores_with_intervals() -> None:
    auroc = {"value": 0.65, "low": 0.62, "high": 0.68}
    part = {"name": "test", "rows": 900, "metrics": {"auroc": auroc}}
    evaluation = {"parts": [part], "target": "any", "provenance": "uci", "slices": []}
    refusal = {"promoted": False, "reason": "not better"}
    result = TrainResult("training-1", {"run_id": "r1", "reason": "best"}, evaluation, "7", refusal)
    summary = result.summary()
    assert not result.promoted
    assert (summary["version"], summary["promoted"], summary["reason"]) == ("7", False, "not better")
    assert summary["scores"] == {"test": {"rows": 900, "auroc": auroc}}
    assert (summary["target"], summary["provenance"], summary["run"]) == ("any", "uci", "training-1")


@pytest.mark.parametrize(
    ("failure", "told"),
    [
        (InfrastructureError("MLflow is down"), {"reason": "MLflow is down", "exit_code": 5}),
        (KeyboardInterrupt("the run goes on"), {"reason": "the run goes on", "exit_code": 130}),
    ],
)
def test_what_was_done_before_a_later_batch_failed_is_kept_with_the_failure(
    tmp_path: Path, failure: BaseException, told: dict[str, object]
) -> None:
    entries: list[Entry] = []
    with pytest.raises(type(failure)), kept_if_failing(tmp_path / "r.json", entries):
        entries.append(settled(0, "NO_DRIFT", "none", {"result": "none", "version": None, "served": "1"}))
        raise failure
    result = json.loads((tmp_path / "r.json").read_text())
    assert ([batch["batch"] for batch in result["batches"]], result["failure"]) == (["b0"], told)


def test_a_result_that_cannot_be_written_hides_no_failure(tmp_path: Path) -> None:
    with pytest.raises(InfrastructureError), kept_if_failing(tmp_path / "gone" / "r.json", []):
        raise InfrastructureError("MLflow is down")
