"""What `python -m infra.compose` decides by itself; no container."""

import http.server
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from adapters import serving_context
from infra.compose import context
from infra.compose.context import IMAGES, stage
from infra.compose.health import judge
from infra.compose.project import NOBODY, Compose, owner_of, variables_of
from infra.service_settings import SETTINGS
from stacks.environment import PROJECT
from stacks.value_file import read_values

ANSWERS = PROJECT / "infra" / "airflow" / "answers.py"


@pytest.mark.parametrize(
    ("name", "state", "reason"),
    [
        ("mlflow", {"Status": "running", "Health": {"Status": "healthy", "Log": []}}, ""),
        ("mlflow", {"Status": "running", "Health": {"Status": "starting", "Log": []}}, "starting"),
        (
            "mlflow",
            {"Status": "running", "Health": {"Status": "unhealthy", "Log": [{"Output": "refused\n"}]}},
            "unhealthy: refused",
        ),
        ("airflow-init", {"Status": "exited", "ExitCode": 0}, ""),
        ("airflow-init", {"Status": "exited", "ExitCode": 1}, "exit code 1"),
        ("mlflow", {"Status": "exited", "ExitCode": 0}, "exit code 0"),
        ("mlflow", {"Status": "restarting"}, "not running"),
    ],
)
def test_health_is_read_from_what_docker_says(name: str, state: dict[str, Any], reason: str) -> None:
    assert judge({"name": name, "state": state}).reason == reason


def test_containers_never_run_as_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stat_of(user: int) -> Any:
        return lambda self: os.stat_result((0o40755, 0, 0, 1, user, user, 0, 0, 0, 0))

    monkeypatch.setattr(Path, "stat", stat_of(0))
    assert owner_of(tmp_path) == (NOBODY, NOBODY)
    monkeypatch.setattr(Path, "stat", stat_of(1000))
    assert owner_of(tmp_path) == (1000, 1000)


def test_the_environment_wins_and_secrets_are_added(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEALTH_PREDICT_STATE", str(tmp_path))
    given = {"HEALTH_PREDICT_AIRFLOW_PORT": "8090", "HEALTH_PREDICT_MLFLOW_PORT": "", "PATH": "/bin"}
    variables = variables_of({"JUPYTER_TOKEN": "drawn"}, given)
    assert variables["HEALTH_PREDICT_AIRFLOW_PORT"] == "8090"
    assert variables["HEALTH_PREDICT_MLFLOW_PORT"] == read_values(SETTINGS)["HEALTH_PREDICT_MLFLOW_PORT"]
    assert variables["JUPYTER_TOKEN"] == "drawn"  # noqa: S105 - made up
    assert variables["HEALTH_PREDICT_STATE"] == str(tmp_path)
    assert "PATH" not in variables


def test_no_secret_on_the_command_line_or_in_an_error(tmp_path: Path) -> None:
    compose = Compose(("docker-compose",), tmp_path / "compose.env", {"POSTGRES_PASSWORD": "drawn-by-chance"})
    assert "drawn-by-chance" not in repr(compose) + " ".join(compose.arguments("up"))


@pytest.fixture
def no_download(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Instead of packages, a file that names the lock they are of."""
    asked: list[str] = []

    def download(locks: list[Path], wheels: Path, machine: str) -> None:
        asked.append(f"{locks[0].name} {machine}")
        wheels.mkdir(parents=True)
        (wheels / f"{locks[0].stem}.whl").touch()

    monkeypatch.setattr(serving_context, "_download", download)
    return asked


@pytest.mark.parametrize("name", IMAGES)
def test_context_holds_everything_the_dockerfile_copies(name: str, tmp_path: Path, no_download: list[str]) -> None:
    folder = stage(name, tmp_path / "context", wheels=tmp_path / "wheels", machine="aarch64")
    lines = (folder / "Dockerfile").read_text().splitlines()
    end = lines.index("FROM packages AS more-packages") if name == "pipeline" else len(lines)
    copied = [
        word for line in lines[:end] if line.startswith("COPY ") and "--from" not in line for word in line.split()[1:-1]
    ]
    assert copied
    assert not [word for word in copied if not (folder / word).exists()]
    assert [one.split()[1] for one in no_download] == ["aarch64"] * (1 + len(IMAGES[name].locks))


def test_packages_are_downloaded_once(tmp_path: Path, no_download: list[str]) -> None:
    for number in range(2):
        stage("pipeline", tmp_path / str(number), wheels=tmp_path / "wheels")
    assert len(no_download) == 2  # the installer's and the pipelines'
    wheel = "wheelhouse/pipeline/pipeline.whl"
    assert (tmp_path / "0" / wheel).samefile(tmp_path / "1" / wheel), "kept once on disk"


def test_folder_of_the_context_can_be_used_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_download) -> None:
    monkeypatch.setenv("HEALTH_PREDICT_STATE", str(tmp_path))
    first = context.stage_again("notebook")
    (first / "left-over").touch()
    assert context.stage_again("notebook") == first
    assert not (first / "left-over").exists()


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        code = int(self.path.rpartition("/")[2])
        self.send_response(code)
        self.end_headers()
        self.wfile.write(json.dumps({"scheduler": {"status": "healthy"}, "triggerer": {"status": None}}).encode())

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    served = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    threading.Thread(target=served.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{served.server_port}"
    served.shutdown()
    served.server_close()


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["/200"], 0, ""),
        (["/403"], 0, ""),  # S3 asks for a signature: it is there
        (["/503"], 1, "503"),
        (["/200", "scheduler"], 0, ""),
        (["/200", "triggerer"], 1, "triggerer: None"),
        (["/200", "dag_processor"], 1, "dag_processor: None"),
        (["/403", "scheduler"], 1, "403"),
    ],
)
def test_health_check_of_the_containers(server: str, arguments: list[str], code: int, said: str) -> None:
    done = _check(server + arguments[0], *arguments[1:])
    assert (done.returncode, said in done.stderr) == (code, True), done.stderr


def test_health_check_where_nothing_listens(server: str) -> None:
    assert _check("http://127.0.0.1:9/").returncode == 1


def _check(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-S", str(ANSWERS), *arguments], capture_output=True, text=True, timeout=30)
