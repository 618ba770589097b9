"""Starts the model server as a user does, in its own environment, and ends it."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / ".venv-serving" / "bin" / "python"
_LONGEST_START = 30.0  # seconds; on a machine that does much else


@dataclass(frozen=True)
class ServerProcess:
    """A server that was started here; `log` has everything it wrote."""

    url: str
    log: Path
    process: subprocess.Popen[bytes]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def server(
    bundle: Path, log: Path, *, ready: bool = True, more: Mapping[str, str] | None = None
) -> Iterator[ServerProcess]:
    """Run a server over a release folder until the block ends; wait for 200 of /health, or for any answer."""
    assert PYTHON.is_file(), "the environment of the server is missing; run: make setup"
    port = free_port()
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "HEALTH_PREDICT_BUNDLE": str(bundle),
        "PREDICTIVE_UNIT_HTTP_SERVICE_PORT": str(port),
        **(more or {}),
    }
    with log.open("wb") as output:
        process = subprocess.Popen(
            [PYTHON, "-m", "serving"],
            cwd=log.parent,
            env=environment,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    started = ServerProcess(f"http://127.0.0.1:{port}", log, process)
    try:
        _wait(started, ready)
        yield started
    finally:
        stop(process)


def stop(process: subprocess.Popen[bytes]) -> int:
    """Ask the server to end, as Kubernetes does, and return its exit code; kill its session if it does not."""
    process.terminate()
    try:
        return process.wait(15)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(5)
        raise


def _wait(started: ServerProcess, ready: bool) -> None:
    until = time.monotonic() + _LONGEST_START
    while time.monotonic() < until and started.process.poll() is None:
        try:
            if httpx.get(f"{started.url}/health", timeout=2).status_code == 200 or not ready:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    raise AssertionError(f"the server is not ready:\n{started.log.read_text()[-2000:]}")
