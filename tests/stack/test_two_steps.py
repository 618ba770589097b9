"""A pipeline of two steps on real Airflow, and everything that can happen to it: what each system says afterwards."""

import os
import signal
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from tests.pipelines.conftest import Finished
from tests.stack.airflow import Airflow
from tests.stack.fault_proxy import FaultProxy
from tests.stack.installation import Installation, finished, run_name
from tests.stack.two_steps import VALUE, wait_for

pytestmark = pytest.mark.stack
PATIENCE = 240.0  # seconds for two steps, whatever happens


def submit(installation: Installation, marks: Path, does: str = "succeed") -> "subprocess.Popen[str]":
    return installation.start("-m", "tests.stack.two_steps", "--does", does, "--marks", str(marks))


def last_run(installation: Installation) -> str:
    return str(installation.ask("runs", "two_steps")[-1]["name"])


def let_go(marks: Path) -> None:
    (marks / "go").touch()


def assert_succeeded(installation: Installation, airflow: Airflow, name: str) -> None:
    run = installation.ask("run", name)
    assert run["status"] == "completed", run
    assert set(run["steps"].values()) == {"completed"}
    assert airflow.tasks(name) == {"first": "success", "second": "success"}
    assert installation.ask("output", name, "second", "sum") == VALUE + 1


def test_success_is_in_all_systems(installation: Installation, airflow: Airflow, tmp_path: Path) -> None:
    before = installation.ask("mlflow-runs", "HealthPredict_TwoSteps")
    done = finished(submit(installation, tmp_path), PATIENCE)
    assert done.code == 0, done.output
    assert_succeeded(installation, airflow, run_name(done))
    (run,) = installation.ask("mlflow-runs", "HealthPredict_TwoSteps")[len(before) :]
    assert run["status"] == "FINISHED"
    assert run["metrics"] == {"value": VALUE}


def test_failing_step_is_one_line_and_failed_everywhere(
    installation: Installation, airflow: Airflow, tmp_path: Path
) -> None:
    done = finished(submit(installation, tmp_path, "fail"), PATIENCE)
    assert done.code == 2, done.output
    assert "error: tests: told to fail; tell it otherwise" in done.output
    name = last_run(installation)
    run = installation.ask("run", name)
    assert (run["status"], run["steps"]) == ("failed", {"first": "failed"})
    assert airflow.tasks(name) == {"first": "failed", "second": "upstream_failed"}


def test_killed_step_is_reported(installation: Installation, airflow: Airflow, tmp_path: Path) -> None:
    done = finished(submit(installation, tmp_path, "kill"), PATIENCE)
    assert done.code == 5, done.output
    assert "first" in last_line(done)
    name = last_run(installation)
    run = installation.ask("run", name)
    assert (run["status"], run["steps"]) == ("failed", {"first": "failed"})
    assert airflow.ended(name)["state"] == "failed"
    assert not (tmp_path / "second.started").exists()


def test_airflow_killed_in_mid_run_and_back(installation: Installation, airflow: Airflow, tmp_path: Path) -> None:
    """Scheduler and workers die with a step in them; after the restart both systems agree on what came of it."""
    running = submit(installation, tmp_path, "wait")
    wait_for(tmp_path / "first.started")
    kill_airflow(installation)
    let_go(tmp_path)
    done = finished(running, PATIENCE)
    name = last_run(installation)
    run = installation.ask("run", name)
    state = airflow.ended(name)["state"]
    assert (run["status"], state, done.code) in (("completed", "success", 0), ("failed", "failed", 5)), done.output


def test_s3_answers_503_for_a_while(
    installation: Installation, airflow: Airflow, s3: FaultProxy, tmp_path: Path
) -> None:
    running = submit(installation, tmp_path, "wait")
    wait_for(tmp_path / "first.started")
    refused = s3.refused
    with s3.answering_503():
        let_go(tmp_path)  # the step stores its artifact now
        end = time.monotonic() + 60
        while s3.refused == refused:
            assert time.monotonic() < end, "nobody asked S3"
            time.sleep(0.2)
        time.sleep(10)
    done = finished(running, PATIENCE)
    assert done.code == 0, done.output
    assert_succeeded(installation, airflow, run_name(done))


def test_mlflow_down_for_a_while(installation: Installation, airflow: Airflow, tmp_path: Path) -> None:
    running = submit(installation, tmp_path, "wait")
    wait_for(tmp_path / "first.started")
    stopped = installation.services("stop", "mlflow")
    assert stopped.code == 0, stopped.errors
    let_go(tmp_path)
    wait_until_second_begins(installation)
    time.sleep(5)
    started = installation.services("start", "mlflow")
    assert started.code == 0, started.errors
    done = finished(running, PATIENCE)
    assert done.code == 0, done.output
    assert_succeeded(installation, airflow, run_name(done))


def test_two_runs_at_once(installation: Installation, airflow: Airflow, tmp_path: Path) -> None:
    folders = [tmp_path / "one", tmp_path / "other"]
    for folder in folders:
        folder.mkdir()
    both = [submit(installation, folder, "wait") for folder in folders]
    for folder in folders:
        wait_for(folder / "first.started")  # both are in their first step now
    for folder in folders:
        let_go(folder)
    ended = [finished(process, PATIENCE) for process in both]
    assert [done.code for done in ended] == [0, 0], ended
    names = {run_name(done) for done in ended}
    assert len(names) == 2
    for name in names:
        assert_succeeded(installation, airflow, name)


def last_line(done: Finished) -> str:
    return done.output.strip().splitlines()[-1]


def kill_airflow(installation: Installation) -> None:
    """End scheduler and workers at once, as the operating system would when memory is short."""
    own = [process for process in psutil.process_iter() if belongs(process, installation)]
    assert own, "no scheduler runs"
    for process in own:
        os.kill(process.pid, signal.SIGKILL)


def belongs(process: psutil.Process, installation: Installation) -> bool:
    try:
        line = " ".join(process.cmdline())
        ours = process.environ().get("HEALTH_PREDICT_STATE") == str(installation.state)
    except psutil.Error:
        return False
    return ours and "airflow" in line and ("scheduler" in line or "worker" in line)


def wait_until_second_begins(installation: Installation) -> None:
    end = time.monotonic() + 60
    while "second" not in installation.ask("run", last_run(installation))["steps"]:
        assert time.monotonic() < end, "the second step did not begin"
        time.sleep(1)
