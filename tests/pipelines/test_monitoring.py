"""`run.py --pipeline monitor` on a store of its own, as a user meets it: from no champion to the end of the stream."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import mlflow
import pandas as pd
import pytest
from click.testing import CliRunner, Result
from filelock import FileLock
from mlflow import MlflowClient
from sklearn.pipeline import Pipeline
from sqlalchemy.exc import OperationalError

from adapters.mlflow_tracking import _TRUSTED, as_pipeline
from adapters.monitoring_store import MonitoringStore
from health_predict.columns import TARGET_COLUMN
from health_predict.monitoring.ledger import Ledger
from health_predict.reading import RawData
from tests.pipelines.champions import artifact_of, register_champion
from tests.pipelines.conftest import ROOT, Finished
from tests.pipelines.monitored import BATCH, Monitored, cut, unnested
from tests.pipelines.own_stack import local_stack
from tests.small_bundle import train_small_model

pytestmark = pytest.mark.slow
PATIENCE = 120  # seconds that a process is watched for what it is killed at


@pytest.fixture(scope="module")
def data(real_raw: RawData, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return cut(real_raw.frame, tmp_path_factory.mktemp("stream") / "small.csv")


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Monitored]:
    state = tmp_path_factory.mktemp("monitoring")
    with local_stack(state) as registry:
        home = Monitored(state, registry, MonitoringStore.of_stack())
        yield home
        invoke("--stop-endpoint")


@pytest.fixture(scope="module")
def without_champion(clean: Monitored, data: Path) -> Result:
    return clean.command("--data", str(data))


@pytest.fixture(scope="module")
def home(clean: Monitored, without_champion: Result) -> Monitored:
    model = train_small_model("xgboost")
    unnested(lambda: register_champion(clean.registry, model, clean.state / "champion"))
    log_model(as_pipeline(model), artifact_of(clean.registry, "1", "").parent / "model")
    return clean


def log_model(pipeline: Pipeline, folder: Path) -> None:
    """What a recalibration starts from."""
    trusted = {"serialization_format": "skops", "skops_trusted_types": list(_TRUSTED)}
    mlflow.sklearn.save_model(pipeline, folder, pip_requirements=[], **trusted)


def invoke(*arguments: str) -> Result:
    from run import main

    return CliRunner().invoke(main, list(arguments), catch_exceptions=False)


def refused(home: Monitored, code: int, *arguments: str) -> str:
    """Return the one line that a command ends with, which leaves the ledger as it was."""
    before = home.ledger_text
    result = home.command(*arguments)
    assert result.exit_code == code, result.output
    assert home.ledger_text == before
    (line,) = result.stderr.splitlines()
    return line


@contextmanager
def tagged(home: Monitored, name: str, value: str) -> Iterator[None]:
    """Change a tag of the champion for a while."""
    client, champion = MlflowClient(home.registry.tracking_uri, home.registry.tracking_uri), home.registry.champion()
    client.set_model_version_tag(home.registry.name, champion.version, name, value)
    yield
    client.set_model_version_tag(home.registry.name, champion.version, name, champion.tags[name])


def test_without_a_champion_it_names_the_command_that_makes_one(without_champion: Result) -> None:
    assert without_champion.exit_code == 2
    line = "error: HealthPredict has no champion to monitor; train one: python run.py --pipeline train"
    assert without_champion.stderr.splitlines() == [line]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--inject", "moon"), "--inject 'moon' is not one of age, a1c"),
        (("--inject", "a1c:99"), "--inject a1c: strength '99' is not within 0 to 10"),
        (("--batches", "0"), "--batches 0: give a whole number from 1 on, or all"),
        (("--batches", "some"), "--batches some: give a whole number from 1 on, or all"),
        (("--label-delay", "-1"), "label_delay"),
        (("--set", "rule.false_alarm_rat=0.1"), "did you mean rule.false_alarm_rate?"),
        (("--target", "any"), "--target does not belong to monitor"),
    ],
)
def test_wrong_words_are_refused(home: Monitored, arguments: tuple[str, ...], words: str) -> None:
    assert words in refused(home, 2, *arguments)


def without(column: str) -> Callable[[pd.DataFrame], pd.DataFrame]:
    return lambda rows: rows.drop(columns=column)


def with_last(column: str, value: str) -> Callable[[pd.DataFrame], pd.DataFrame]:
    """A change of the last row only, which is in the last batch of the stream."""
    return lambda rows: rows.assign(**{column: [*rows[column].iloc[:-1], value]})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (without("insulin"), "column 'insulin' is missing"),
        (lambda rows: rows.assign(ward="A"), "column 'ward' is not one of"),
        (with_last("race", "Martian"), "column 'race': 1 row with values outside"),
        (with_last(TARGET_COLUMN, "yes"), f"column '{TARGET_COLUMN}': 1 row with values outside"),
        (without(TARGET_COLUMN), f"column '{TARGET_COLUMN}' is missing"),
        (lambda rows: pd.concat([rows, rows.tail(1)]), "column 'encounter_id': 2 rows with values that occur twice"),
        (lambda rows: rows.iloc[:0], "a header but no rows"),
    ],
    ids=["missing column", "extra column", "category", "words of outcomes", "no outcomes", "twice", "no rows"],
)
def test_a_stream_that_cannot_be_read_is_refused_before_anything_is_kept(
    home: Monitored, data: Path, tmp_path: Path, change: Callable[[pd.DataFrame], pd.DataFrame], words: str
) -> None:
    file = tmp_path / "changed.csv"
    change(pd.read_csv(data, dtype=str, keep_default_na=False)).to_csv(file, index=False)
    line = refused(home, 2, "--data", str(file))
    assert "changed.csv" in line
    assert words in line
    assert home.store.source() is None


def test_a_champion_that_does_not_fit_is_refused_before_anything_is_kept(home: Monitored, data: Path) -> None:
    with tagged(home, "provenance", "synthetic"):
        line = refused(home, 2, "--data", str(data))
    assert "small.csv: file data, but the champion (version 1) learnt from synthetic data; train on this file" in line
    reference = artifact_of(home.registry, "1", "").parent / "reference"
    reference.rename(reference.with_name("away"))
    line = refused(home, 2, "--data", str(data))
    reference.with_name("away").rename(reference)
    assert "has no artifact reference; choose another version or train again" in line
    assert home.store.source() is None


def test_a_dry_run_keeps_nothing(home: Monitored, data: Path) -> None:
    result = home.command("--data", str(data), "--dry-run")
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1] == "dry run: everything is in order, nothing was changed"
    assert (home.ledger_text, home.store.source()) == (None, None)


def test_two_commands_do_not_go_through_the_stream_at_once(home: Monitored) -> None:
    with FileLock(home.state / "locks" / "monitoring.lock"):
        assert "another command is monitoring" in refused(home, 5)


def killed_when(home: Monitored, reached: Callable[[], bool], *arguments: str) -> Finished:
    """Start run.py as a user does and kill it, with no chance to clean up, when it has come so far."""
    environment = {k: v for k, v in os.environ.items() if k != "HEALTH_PREDICT_DATA"}
    command = [sys.executable, "run.py", "--pipeline", "monitor", "--batch-size", str(BATCH), *arguments]
    output, errors = home.state / "output.txt", home.state / "errors.txt"
    with output.open("w") as out, errors.open("w") as err:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=out, stderr=err)
        try:
            until = time.monotonic() + PATIENCE
            while not reached():
                assert process.poll() is None, "it ended before it could be killed"
                assert time.monotonic() < until
                time.sleep(0.05)
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
    return Finished(process.returncode, output.read_text(), errors.read_text())


def states(home: Monitored) -> list[str]:
    entries = Ledger.from_json(home.ledger_text).entries if home.ledger_text else ()
    return [entry.state for entry in entries]


@pytest.fixture(scope="module")
def killed(home: Monitored, data: Path) -> Finished:
    """Two batches, and a third that is scored when the process is killed."""
    arguments = ("--data", str(data), "--batches", "3", "--inject", "payer:1.0")
    return killed_when(home, lambda: states(home)[2:] == ["scored"], *arguments)


def test_each_batch_is_one_line(home: Monitored, killed: Finished) -> None:
    entries = home.store.ledger().entries[:2]
    lines = [line for line in killed.output.splitlines() if line.startswith("batch ")]
    for number, (line, entry) in enumerate(zip(lines, entries, strict=True)):
        assert entry.records["seen"]["index"] == number
        verdict = entry.records["checked"]["verdict"]
        assert line.startswith(f"batch {number} ({entry.batch}) | {BATCH} rows, INJECTED payer:1.0 | DRIFT_DETECTED | ")
        assert verdict["reason"] in line
        assert verdict["columns"][0] == "payer_code", "it has no value in any row"
        assert f"| action: {entry.records['decided']['action']}" in line
    assert "AUROC" not in lines[0]
    performance = entries[1].records["checked"]["performance"]
    assert f"| AUROC {performance['auroc']['value']:.3f} (" in lines[1]
    assert "on batch 0, expected 0." in lines[1]


def test_the_terminal_shows_nothing_else_but_where_it_looks(killed: Finished) -> None:
    shown = [line for line in killed.output.splitlines() if not line.startswith("batch ")]
    assert [line.partition(":")[0] for line in shown] == ["INJECTED SHIFT", "stack", "monitoring"]
    assert (killed.code, killed.errors) == (-signal.SIGKILL, "")


def test_a_store_or_mlflow_that_fails_half_way_is_5_and_the_next_command_goes_on(
    home: Monitored, killed: Finished, monkeypatch: pytest.MonkeyPatch
) -> None:
    reports = Path(home.store.files.path) / "drift_reports"
    reports.rename(reports.with_name("away"))
    reports.write_text("in the way")
    line = refused(home, 5)
    reports.unlink()
    reports.with_name("away").rename(reports)
    assert line.startswith("error: the artifact store ")

    def broken(*_given, **_more) -> None:
        raise OperationalError("", {}, Exception())

    with monkeypatch.context() as patch:
        patch.setattr(MlflowClient, "create_run", broken)
        line = refused(home, 5, "--result", str(home.state / "failed.json"))
    assert "MLflow at sqlite:" in line
    told = json.loads((home.state / "failed.json").read_text())
    assert (told["batches"], told["failure"]) == ([], {"reason": line.removeprefix("error: "), "exit_code": 5})

    done = home.command()
    assert done.exit_code == 0, done.output
    assert states(home) == ["decided"] * 3
    assert done.stdout.splitlines()[-1] == (
        f"1 batch, 1 with drift; look: {home.state}/monitoring.html | make dashboard"
    )


def test_the_page_and_the_status_show_the_last_verdict(home: Monitored, killed) -> None:
    last = home.store.ledger().entries[-1]
    page = (home.state / "monitoring.html").read_text()
    assert all(entry.batch in page for entry in home.store.ledger().entries)
    told = home.status()
    assert (told["batch"], told["index"], told["verdict"]) == (last.batch, 2, "DRIFT_DETECTED")
    assert told["action"] == last.records["decided"]["action"]


def test_each_batch_has_one_run_and_reports_that_lie_where_it_says(home: Monitored, killed) -> None:
    runs, entries = home.runs(), home.store.ledger().entries
    assert [run.info.run_id for run in runs] == [entry.records["checked"]["mlflow_run_id"] for entry in entries]
    for run, entry in zip(runs, entries, strict=True):
        assert run.data.metrics["data_drift_detected"] == 1
        assert run.data.tags["outcome"] == entry.outcome["result"]
        assert Path(run.data.tags["report.evidently.html"]).stat().st_size > 100_000


def test_what_began_goes_on_with_the_same_file_split_and_target(home: Monitored, killed, data: Path, tmp_path) -> None:
    other = tmp_path / "other.csv"
    pd.read_csv(data, dtype=str, keep_default_na=False).iloc[1:].to_csv(other, index=False)
    assert "monitoring began with another file" in refused(home, 2, "--data", str(other))
    assert "monitoring began with data.protocol=time" in refused(home, 2, "--set", "data.protocol=random")
    with tagged(home, "target", "within_30_days"):
        assert "monitoring began with target any" in refused(home, 2)
    with tagged(home, "provenance", "synthetic"):
        assert "learnt from synthetic data" in refused(home, 2)


def test_an_injected_shift_is_marked_and_drift_can_be_an_exit_code(home: Monitored, killed) -> None:
    result = home.command("--inject", "label:0.3", "--fail-on", "drift", "--force-retrain")
    assert result.exit_code == 4, result.output
    assert "INJECTED SHIFT: the share of readmitted patients rises by this much" in result.stdout
    entry = home.store.ledger().entries[-1]
    line = next(line for line in result.stdout.splitlines() if line.startswith("batch 3 "))
    assert f"{entry.records['seen']['rows']} rows, INJECTED label:0.3" in line
    assert "action: waiting (retrain (asked for) waits: 1,200 of 3,000 labelled encounters" in line
    assert entry.records["seen"]["shift"] == home.runs()[-1].data.params["shift"] == "label:0.3"
    assert "label:0.3" in (home.state / "monitoring.html").read_text()


def test_a_recalibration_killed_before_it_is_served_is_served_once(home: Monitored, killed) -> None:
    """The outcomes of the batch with a shift arrive."""
    killed_when(home, lambda: home.registry.champion().version == "2")
    result = home.command()
    assert result.exit_code == 0, result.output
    entries = home.store.ledger().entries
    assert len(entries) == len(home.runs()) == 5
    assert list(home.versions()) == ["1", "2"]
    assert home.versions()["2"]["trigger"] == f"recalibrate:{entries[3].batch}"
    assert "action: recalibrate: version 2 promoted, version 2 is served" in result.stdout
    assert json.loads(invoke("--status", "--json").stdout)["endpoint"]["model_version"] == "2"
    assert entries[4].records["scored"]["version"] == "2"


def test_the_stream_ends_with_a_rest_that_is_scored_and_not_judged(home: Monitored, killed) -> None:
    """Without a delay, its outcomes come with it."""
    result = home.command("--batches", "all", "--label-delay", "0")
    assert result.exit_code == 0, result.output
    last = [line for line in result.stdout.splitlines() if line.startswith("batch ")][-1]
    assert "too small to judge" in last
    assert "the stream has ended: every encounter is in a batch" in result.stdout
    entries = home.store.ledger().entries
    assert sum(entry.records["seen"]["last"] + 1 - entry.records["seen"]["first"] for entry in entries) == (
        home.store.source_or_fail().rows
    )
    assert entries[-1].records["checked"]["labelled"] == entries[-1].batch
    assert f"on batch {len(entries) - 1}, expected 0." in last
    before = home.ledger_text
    again = home.command("--batches", "all")
    assert (again.exit_code, home.ledger_text) == (0, before)
    assert "0 batches, 0 with drift" in again.stdout
