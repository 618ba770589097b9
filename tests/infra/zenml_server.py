"""A real ZenML server with logins, as infra/compose runs it, on SQLite and a free port."""

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.serving.processes import free_port

PASSWORD = "tests-password-8237"  # noqa: S105 - of a server of the tests
_PATIENCE = 180.0  # seconds; it makes its tables first


@dataclass(frozen=True)
class Server:
    url: str
    process: subprocess.Popen[bytes]


@contextmanager
def zenml_server(folder: Path) -> Iterator[Server]:
    """Serve until the block ends; store and log are in `folder`."""
    port = free_port()
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ZENML", "HEALTH_PREDICT"))}
    own = {
        "ZENML_SERVER": "true",
        "ZENML_CONFIG_PATH": str(folder / "config"),
        "ZENML_STORE_TYPE": "sql",
        "ZENML_STORE_URL": f"sqlite:///{folder}/zenml.db",
        "ZENML_SERVER_DEPLOYMENT_TYPE": "docker",
        "ZENML_SERVER_AUTO_ACTIVATE": "true",
        "ZENML_DEFAULT_USER_NAME": "admin",
        "ZENML_DEFAULT_USER_PASSWORD": PASSWORD,
        "ZENML_ANALYTICS_OPT_IN": "false",
    }
    command = [sys.executable, "-m", "uvicorn", "zenml.zen_server.zen_server_api:app", "--host=127.0.0.1"]
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, f"--port={port}", "--log-level=warning"], env=kept | own, stdout=log, stderr=log
        )
    try:
        _wait_for(f"http://127.0.0.1:{port}/ready", process, folder / "server.log")
        yield Server(f"http://127.0.0.1:{port}", process)
    finally:
        process.terminate()
        process.wait(30)


def _wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        assert process.poll() is None, f"the ZenML server ended:\n{log.read_text()[-2000:]}"
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - our own address
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.5)
    raise AssertionError(f"{url} did not answer within {_PATIENCE:g} s:\n{log.read_text()[-2000:]}")
