"""Compose itself reads infra/compose/compose.yaml: Debian's docker-compose, or the plugin where Docker has it."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.compose.project import FILE, Compose, find_compose, variables_of
from infra.service_secrets import prepare_secrets
from infra.service_settings import read_settings

pytestmark = pytest.mark.infra

IMAGES = ("POSTGRES", "MYSQL", "PYTHON", "SERVICES", "NOTEBOOK")


@pytest.fixture(scope="module")
def command() -> tuple[str, ...]:
    return find_compose()


@pytest.fixture
def variables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    monkeypatch.setenv("HEALTH_PREDICT_STATE", str(tmp_path))
    for name in ("services", "notebook"):
        (tmp_path / "services" / "images" / name).mkdir(parents=True)  # docker-compose looks whether they are there
    return variables_of(prepare_secrets(read_settings({}), {}), {})


def _config(command: tuple[str, ...], variables: dict[str, str], folder: Path) -> subprocess.CompletedProcess[str]:
    file = folder / "compose.env"
    file.write_text("".join(f"{name}={value}\n" for name, value in variables.items()))
    line = Compose(command, file, variables).arguments("config")
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder)}
    return subprocess.run(line, env=environment, capture_output=True, text=True, timeout=120)


def _services(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert done.returncode == 0, done.stderr
    return yaml.safe_load(done.stdout)["services"]


def test_accepted_as_it_is(command, variables, tmp_path: Path) -> None:
    services = _services(_config(command, variables, tmp_path))
    assert set(services) == set(yaml.safe_load(FILE.read_text())["services"])
    scheduler = services["airflow-scheduler"]
    assert scheduler["user"] == f"{variables['HEALTH_PREDICT_UID']}:{variables['HEALTH_PREDICT_GID']}"
    assert scheduler["environment"]["HEALTH_PREDICT_STATE"] == str(tmp_path)


@pytest.mark.parametrize(("own", "seen"), [({}, None), ({"HEALTH_PREDICT_MONITOR_SCHEDULE": ""}, "")])
def test_schedule_is_handed_on_if_it_is_set(command, variables, tmp_path: Path, own: dict[str, str], seen) -> None:
    for name in ("airflow-dag-processor", "airflow-scheduler"):
        environment = _services(_config(command, variables | own, tmp_path))[name]["environment"]
        assert environment["HEALTH_PREDICT_MONITOR_SCHEDULE"] == seen


def test_every_image_can_be_replaced(command, variables, tmp_path: Path) -> None:
    own = {f"HEALTH_PREDICT_{name}_IMAGE": f"registry.example/{name.lower()}:1.2.3" for name in IMAGES}
    services = _services(_config(command, variables | own, tmp_path))
    assert {service["image"] for service in services.values()} | {
        service["build"]["args"]["BASE_IMAGE"] for service in services.values() if "build" in service
    } == set(own.values())


def test_every_port_can_be_changed(command, variables, tmp_path: Path) -> None:
    own = {name: str(20000 + number) for number, name in enumerate(variables) if name.endswith("_PORT")}
    services = _services(_config(command, variables | variables_of({}, own), tmp_path))
    text = json.dumps(services)
    assert all(port in text for port in own.values())
    assert not [port for port in ("5432", "9000", "5000", "8080", "8237", "8888") if f":{port}" in text]


@pytest.mark.parametrize("missing", ["POSTGRES_PASSWORD", "AIRFLOW_FERNET_KEY", "HEALTH_PREDICT_UID"])
@pytest.mark.parametrize("value", [None, ""])
def test_refused_without_a_secret(command, variables, tmp_path: Path, missing: str, value: str | None) -> None:
    left = {name: text for name, text in variables.items() if name != missing}
    done = _config(command, left if value is None else left | {missing: value}, tmp_path)
    assert done.returncode != 0
    assert missing in done.stderr
    assert "run python -m infra.compose up" in done.stderr
