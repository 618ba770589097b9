"""How a server starts, ends and survives."""

import os
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psutil
import pytest

from health_predict.records import generate_records
from tests.serving.processes import PYTHON, ROOT, ServerProcess, server, stop
from tests.serving.test_releases import wait_for

RECORD = generate_records(1, seed=1)[0]


def run(tmp_path: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Start a server that is expected to end by itself."""
    return subprocess.run(
        [PYTHON, "-m", "serving"],
        env={"PYTHONPATH": str(ROOT), **environment},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=30,
    )


def is_open(started: ServerProcess) -> bool:
    address = urlsplit(started.url)
    with socket.socket() as probe:
        return probe.connect_ex((address.hostname, address.port)) == 0


def test_sigterm_finishes_what_is_under_way_and_closes_the_port(releases, tmp_path: Path) -> None:
    codes: list[int] = []
    with server(releases["xgboost"], tmp_path / "server.log") as started:
        many = generate_records(1000, seed=2)
        request = threading.Thread(
            target=lambda: codes.append(httpx.post(f"{started.url}/predict", json=many, timeout=30).status_code)
        )
        request.start()
        wait_for(lambda: _established(started), "the connection")
        assert stop(started.process) == 0
        request.join()
        assert codes == [200]
        assert not is_open(started)
    assert not _descendants(started.process.pid)


def _established(started: ServerProcess) -> bool:
    port = urlsplit(started.url).port
    found = psutil.Process().net_connections("tcp")
    return any(c.status == "ESTABLISHED" and c.raddr and c.raddr.port == port for c in found)


def _descendants(pid: int) -> list[int]:
    return [p.pid for p in psutil.process_iter(["pid"]) if p.is_running() and _session(p.pid) == pid]


def _session(pid: int) -> int:
    try:
        return os.getsid(pid)
    except OSError:
        return -1


def test_a_worker_that_is_killed_is_started_again(releases, tmp_path: Path) -> None:
    with server(releases["xgboost"], tmp_path / "server.log") as started:
        (worker,) = psutil.Process(started.process.pid).children()
        worker.send_signal(signal.SIGKILL)
        worker.wait(5)
        wait_for(lambda: _is_ready(started), "another worker")
        assert httpx.post(f"{started.url}/predict", json=RECORD).status_code == 200


def _is_ready(started: ServerProcess) -> bool:
    try:
        return httpx.get(f"{started.url}/health", timeout=2).status_code == 200
    except httpx.TransportError:
        return False


def test_clients_that_send_nothing_more_do_not_hold_the_threads(releases, tmp_path: Path) -> None:
    with server(releases["xgboost"], tmp_path / "server.log", more={"HEALTH_PREDICT_THREADS": "2"}) as started:
        address = urlsplit(started.url)
        stalled = [socket.create_connection((address.hostname, address.port)) for _ in range(2)]
        for connection in stalled:
            connection.sendall(b"POST /predict HTTP/1.1\r\nHost: a\r\nContent-Le")
        time.sleep(0.3)
        assert httpx.get(f"{started.url}/health", timeout=12).status_code == 200
        for connection in stalled:
            connection.close()
    assert "Content-Le" not in (tmp_path / "server.log").read_text()


def test_a_port_that_is_taken_is_said_in_one_line(releases, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        bundle = str(releases["xgboost"])
        done = run(tmp_path, HEALTH_PREDICT_BUNDLE=bundle, PREDICTIVE_UNIT_HTTP_SERVICE_PORT=port)
    assert done.returncode == 5
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"error: cannot listen on 127.0.0.1:{port}")
    assert "PREDICTIVE_UNIT_HTTP_SERVICE_PORT" in line


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({}, "HEALTH_PREDICT_BUNDLE is not set"),
        ({"HEALTH_PREDICT_BUNDLE": "x", "PREDICTIVE_UNIT_HTTP_SERVICE_PORT": "http"}, "from 1 to 65535"),
        ({"HEALTH_PREDICT_BUNDLE": "x", "PREDICTIVE_UNIT_HTTP_SERVICE_PORT": "0"}, "from 1 to 65535"),
        ({"HEALTH_PREDICT_BUNDLE": "x", "HEALTH_PREDICT_THREADS": "-1"}, "HEALTH_PREDICT_THREADS"),
    ],
)
def test_a_bad_setting_is_said_in_one_line(variables: dict[str, str], says: str, tmp_path: Path) -> None:
    done = run(tmp_path, **variables)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ")
    assert says in line


def test_the_environment_of_the_server_holds_only_what_serving_needs() -> None:
    code = "import importlib.metadata as m; print(*sorted(d.name.lower() for d in m.distributions()))"
    names = set(subprocess.run([PYTHON, "-c", code], capture_output=True, text=True, check=True).stdout.split())
    assert {"seldon-core", "onnxruntime", "gunicorn"} <= names
    assert not names & {"pandas", "scikit-learn", "scipy", "xgboost", "xgboost-cpu", "zenml", "mlflow", "pip", "uv"}
