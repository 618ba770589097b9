import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Annotated

import pytest
import requests
from zenml import pipeline, step
from zenml.types import HTMLString

from stacks.dashboard import free_port
from stacks.stack_file import PROJECT
from tests.stacks.own_store import Store

PAGE = "<h1>Evaluation</h1>"


@step
def write_page() -> Annotated[HTMLString, "page"]:
    return HTMLString(PAGE)


@pipeline(enable_cache=False)
def page_pipeline() -> None:
    write_page()


@pytest.fixture(scope="module")
def dashboard(store: Store) -> Iterator[tuple[subprocess.Popen, str]]:
    """A running dashboard and its address."""
    command = [sys.executable, "-u", "-m", "stacks.dashboard", "zenml"]
    process = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True)
    watchdog = threading.Timer(150, process.kill)  # else a dashboard that says nothing would block for ever
    watchdog.start()
    assert page_pipeline().status == "completed"  # while it starts
    lines = [process.stdout.readline() for _ in range(2)]
    watchdog.cancel()
    assert lines[0] == "ZenML dashboard: starting\n"
    yield process, lines[1].split()[2].removesuffix("/projects/default/runs")
    process.kill()
    process.wait()


def _configuration(store: Store) -> str:
    return (store.state / "zenml" / "config.yaml").read_text()


def test_pages_of_a_run_load(dashboard, store: Store) -> None:
    from zenml.client import Client

    artifact = Client().get_artifact_version("page")
    answer = requests.get(f"{dashboard[1]}/api/v1/artifact_versions/{artifact.id}/visualize", timeout=20)
    assert (answer.status_code, answer.json()["value"]) == (200, PAGE)


def test_nothing_asks_who_you_are_and_nothing_is_fetched_from_elsewhere(dashboard) -> None:
    user = requests.get(f"{dashboard[1]}/api/v1/current-user", timeout=20).json()
    assert user["metadata"]["user_metadata"] == {"finished_onboarding_survey": True}
    info = requests.get(f"{dashboard[1]}/api/v1/info", timeout=20).json()
    assert info["analytics_enabled"] is False
    policy = requests.get(dashboard[1], timeout=20).headers["content-security-policy"]
    assert "'self'" in policy
    assert "http" not in policy
    assert "*" not in policy


def test_the_next_run_works_after_it_was_killed(dashboard, store: Store) -> None:
    process, address = dashboard
    before = _configuration(store)
    process.send_signal(signal.SIGKILL)
    process.wait()
    with pytest.raises(requests.ConnectionError):
        requests.get(address, timeout=5)
    assert _configuration(store) == before
    assert "type: sql" in before
    assert page_pipeline().status == "completed"


def test_without_a_store_it_says_so(tmp_path) -> None:
    plain = {**os.environ, "HEALTH_PREDICT_STATE": str(tmp_path)}
    command = [sys.executable, "-m", "stacks.dashboard", "zenml"]
    run = subprocess.run(command, cwd=PROJECT, env=plain, capture_output=True, text=True)
    assert (run.returncode, run.stderr) == (2, f"error: {tmp_path}/zenml: no ZenML store yet; `make run` makes one\n")


def test_a_taken_port_is_passed_over() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert free_port(port) > port
