"""`run.py --pipeline monitor --current`: a file of the user's own is judged, and nothing else changes."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result
from mlflow import MlflowClient
from mlflow.entities import Run

from adapters.mlflow_monitoring import EXPERIMENT
from adapters.mlflow_registry import Registry
from adapters.monitoring_store import MonitoringStore
from health_predict.columns import ENCOUNTER, PATIENT, TARGET_COLUMN
from health_predict.monitoring.ledger import Ledger
from health_predict.splits import at_risk
from health_predict.synthetic import sample_encounters
from tests.adapters.s3_bucket import s3
from tests.pipelines.champions import artifact_of, register_champion
from tests.pipelines.conftest import Project
from tests.pipelines.own_stack import local_stack
from tests.small_bundle import train_small_model
from tests.strategies import csv_text

__all__ = ["s3"]
pytestmark = pytest.mark.slow
CANARY = 770_000_000_000  # identifiers start here
ROWS = 400
APART = "the stream and its ledger were not touched; nothing was retrained or deployed"


def encounters(count: int, seed: int) -> pd.DataFrame:
    """Encounters like those that the champion learnt from, with identifiers that can be found again."""
    drawn = at_risk(sample_encounters(3 * count, seed=seed))
    frame = drawn.sample(count, random_state=seed, ignore_index=True)  # they come in an order that drifts
    ids = np.arange(len(frame)) + CANARY
    return frame.assign(**{PATIENT: ids, ENCOUNTER: ids + 500_000})


@dataclass(frozen=True)
class Checking:
    """A stack with a champion, and files to check."""

    state: Path
    registry: Registry
    store: MonitoringStore
    files: Path

    def command(self, *arguments: str) -> Result:
        """Check a file in this process, as run.py does."""
        from run import main

        return CliRunner().invoke(main, ["--pipeline", "monitor", *arguments], catch_exceptions=False)

    def write(self, name: str, frame: pd.DataFrame) -> str:
        """Write a file and return its path."""
        (self.files / name).write_text(csv_text(frame))
        return str(self.files / name)

    def runs(self) -> dict[str, Run]:
        """Return the runs of the monitoring experiment by their batch."""
        client = MlflowClient(self.registry.tracking_uri)
        found = client.search_runs([client.get_experiment_by_name(EXPERIMENT).experiment_id])
        assert len({run.data.tags["batch"] for run in found}) == len(found)
        return {run.data.tags["batch"]: run for run in found}


@pytest.fixture(scope="module")
def checking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checking]:
    state = tmp_path_factory.mktemp("checking")
    with local_stack(state) as registry:
        register_champion(registry, train_small_model("logistic_regression"), tmp_path_factory.mktemp("champion"))
        store = MonitoringStore.of_stack()
        yield Checking(state, registry, store, tmp_path_factory.mktemp("files"))
        assert store.ledger() == Ledger()
        assert store.source() is None
        assert [change.version for change in registry.history()] == ["1"]


@pytest.fixture(scope="module")
def with_window(checking: Checking) -> Checking:
    """As after a first batch of the stream: encounters of the training window are at hand."""
    checking.store.keep_reference_rows("1", sample_encounters(1000, seed=1))
    return checking


def refused(result: Result, *words: str, code: int = 2) -> None:
    assert result.exit_code == code, result.output
    (line,) = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    for word in words:
        assert word in line


def check_of(output: str) -> tuple[str, Path]:
    """Return the id of the check and where its reports lie."""
    found = re.search(r"^check (\w{16}) \| .* \| reports: (\S+)$", output, re.M)
    assert found, output
    return found[1], Path(found[2])


def test_without_its_training_encounters_a_version_compares_with_a_reference_only(checking: Checking) -> None:
    current, other = checking.write("a.csv", encounters(60, 3)), checking.write("b.csv", encounters(200, 4))
    result = checking.command("--current", current, "--data", other)
    refused(result, "b.csv: version 1 was trained on another file", "name that one with --data", "--reference")
    assert checking.runs() == {}
    assert not (checking.state / "reports").exists()


@pytest.fixture(scope="module")
def calm(with_window: Checking) -> Result:
    return with_window.command("--current", with_window.write("calm.csv", encounters(ROWS, 5)), "--fail-on", "drift")


def test_a_labelled_file_without_drift(calm: Result, with_window: Checking) -> None:
    assert calm.exit_code == 0, calm.output
    name, folder = check_of(calm.output)
    line = next(line for line in calm.output.splitlines() if line.startswith("check "))
    assert " | 400 rows | NO_DRIFT | no alarm of 4; closest: " in line
    assert re.search(r"AUROC 0\.\d+ \(0\.\d+-0\.\d+\), expected AUROC 0\.\d+; \d+\.\d% readmitted, \d+\.\d% pred", line)
    assert calm.output.rstrip().endswith(APART)
    assert folder == with_window.state / "reports" / name
    assert sorted(p.name for p in folder.iterdir()) == ["classification.html", "evidently.html", "summary.html"]
    page = (folder / "summary.html").read_text()
    for words in (name, "NO DRIFT: no alarm of 4", "the training window of the version", "AUROC, realised"):
        assert words in page


def test_it_is_one_run_however_often_it_is_asked(calm: Result, with_window: Checking) -> None:
    name, folder = check_of(calm.output)
    again = with_window.command("--current", str(with_window.files / "calm.csv"))
    assert check_of(again.output) == (name, folder)
    data = with_window.runs()[name].data
    assert data.tags["kind"] == "file"
    assert data.tags["report.summary.html"] == f"{folder}/summary.html"
    assert data.params["reference"] == "the training window of the version"
    assert data.metrics["data_drift_detected"] == 0
    assert 0.4 < data.metrics["realised_auroc"] < 1


def test_no_identifier_is_kept(calm: Result, with_window: Checking) -> None:
    head = str(CANARY)[:8].encode()
    files = [path for path in with_window.state.rglob("*") if path.is_file()]
    assert len(files) > 20
    assert not [path for path in files if head in path.read_bytes()]
    assert head.decode() not in calm.output


def test_from_and_to_object_storage_against_a_reference_of_the_users_own(with_window: Checking, s3) -> None:
    """As a user does it: another process, no labels and no identifiers, everyone's payer lost."""
    frame = encounters(ROWS, 6).drop(columns=[TARGET_COLUMN, PATIENT, ENCOUNTER]).assign(payer_code=np.nan)
    frame.to_parquet(with_window.files / "shifted.parquet", index=False)
    s3.upload_file(str(with_window.files / "shifted.parquet"), "hospital", "shifted.parquet")
    reference = with_window.write("reference.csv", encounters(900, 7).drop(columns=TARGET_COLUMN))
    done = Project(with_window.state).run(
        *("--pipeline", "monitor", "--current", "s3://hospital/shifted.parquet", "--reference", reference),
        *("--model-uri", "models:/HealthPredict/1", "--reports", "s3://hospital/reports", "--fail-on", "drift"),
    )
    assert done.code == 4, done.errors
    for words in (
        "EVERY ROW COUNTS AS A PATIENT OF ITS OWN",
        "without any value: payer_code",
        "400 rows | DRIFT_DETECTED | columns (payer_code",
        "outcomes not known | reports: s3://hospital/reports/",
        APART,
    ):
        assert words in done.output
    name = re.search(r"reports: s3://hospital/reports/(\w{16})", done.output)[1]
    keys = [item["Key"] for item in s3.list_objects_v2(Bucket="hospital", Prefix="reports/")["Contents"]]
    assert keys == [f"reports/{name}/evidently.html", f"reports/{name}/summary.html"]
    run = with_window.runs()[name]
    assert run.data.metrics["data_drift_detected"] == 1
    assert run.data.params["reference"].startswith("a file of 900 encounters")
    assert "realised_auroc" not in run.data.metrics


def test_a_file_that_is_too_small_is_scored_and_not_judged(with_window: Checking) -> None:
    small = with_window.command("--current", with_window.write("small.csv", encounters(40, 8)), "--fail-on", "drift")
    assert small.exit_code == 0, small.output
    assert "40 rows | NO_DRIFT | too small to judge: 40 rows, 250 are needed" in small.output
    assert "NOT JUDGED" in (check_of(small.output)[1] / "summary.html").read_text()


def test_a_reference_must_be_another_file_and_large_enough(with_window: Checking) -> None:
    current = with_window.write("one.csv", encounters(60, 9))
    refused(with_window.command("--current", current, "--reference", current), "the same content as", "another file")
    small = with_window.write("few.csv", encounters(70, 10))
    result = with_window.command("--current", current, "--reference", small)
    refused(result, "few.csv: 70 encounters; a reference needs 250")


def test_an_unknown_version_and_a_dry_run_change_nothing(with_window: Checking) -> None:
    current, before = with_window.write("dry.csv", encounters(60, 11)), set(with_window.runs())
    unknown = with_window.command("--current", current, "--model-uri", "models:/HealthPredict/9")
    refused(unknown, "HealthPredict has no version 9")
    dry = with_window.command("--current", current, "--dry-run")
    assert dry.exit_code == 0, dry.output
    assert "nothing was changed" in dry.output
    assert set(with_window.runs()) == before


def test_a_champion_without_reference_is_named(with_window: Checking) -> None:
    reference = artifact_of(with_window.registry, "1", "model.onnx").parents[1] / "reference"
    away = reference.rename(reference.with_name("away"))
    result = with_window.command("--current", with_window.write("c.csv", encounters(60, 12)))
    away.rename(reference)
    refused(result, "reference", "train")


def test_mlflow_that_fails_is_5_and_leaves_no_report(with_window: Checking, monkeypatch: pytest.MonkeyPatch) -> None:
    from mlflow.exceptions import MlflowException

    def fails(*_args: object, **_options: object) -> None:
        raise MlflowException("the server has gone")

    before = sorted((with_window.state / "reports").iterdir())
    current = with_window.write("d.csv", encounters(60, 13))
    monkeypatch.setattr("adapters.mlflow_connection.stop_after_delay", lambda _seconds: lambda _state: True)
    monkeypatch.setattr(MlflowClient, "get_registered_model", fails)
    refused(with_window.command("--current", current), "MLflow at ", "failed", code=5)
    assert sorted((with_window.state / "reports").iterdir()) == before
