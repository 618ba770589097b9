"""What infra/compose/compose.yaml promises, read as data; Compose itself is asked in test_compose_config.py."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from infra import service_secrets
from infra.compose.project import FILE, PROFILES
from infra.processes.airflow_settings import airflow_environment
from infra.processes.place import Place
from infra.service_settings import SETTINGS, read_settings
from stacks.stack_file import PROJECT
from stacks.value_file import read_values

TEXT = FILE.read_text()
CONTENT = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = CONTENT["services"]
JOBS = {name for name, service in SERVICES.items() if service["restart"] == "no"}
IMAGE = re.compile(r"\$\{HEALTH_PREDICT_\w+_IMAGE:-[\w./-]+:(?P<tag>[\w.-]+)\}")
ASKED = r"\$\{%s:\?run python -m infra\.compose up\}"
SECRETS = set(service_secrets._KINDS)
SECRET_WORDS = re.compile("PASSWORD|SECRET|TOKEN|KEY")

every_service = pytest.mark.parametrize("name", SERVICES)


def _words(service: dict[str, Any]) -> str:
    return " ".join([*service.get("command", []), *map(str, service.get("environment", {}).values())])


def _environment_of_secrets() -> Iterator[tuple[str, str, str]]:
    for name, service in SERVICES.items():
        for variable, value in service.get("environment", {}).items():
            if SECRET_WORDS.search(variable):
                yield name, variable, value


@every_service
def test_image_has_a_tag_and_a_variable(name: str) -> None:
    match = IMAGE.fullmatch(SERVICES[name]["image"])
    assert match, f"{name}: {SERVICES[name]['image']}"
    assert match["tag"] != "latest"
    assert re.search(r"\d", match["tag"]), "a tag without a version moves"


@every_service
def test_base_images_of_builds_are_variables(name: str) -> None:
    arguments = SERVICES[name].get("build", {"args": {}})["args"]
    assert all(IMAGE.fullmatch(value) for key, value in arguments.items() if key == "BASE_IMAGE"), arguments


def test_one_tag_for_each_tool() -> None:
    tags: dict[str, set[str]] = {}
    for variable, image in re.findall(r"\$\{(HEALTH_PREDICT_\w+_IMAGE):-([^}]+)\}", TEXT):
        tags.setdefault(variable, set()).add(image)
    assert all(len(images) == 1 for images in tags.values()), tags
    dockerfile = (PROJECT / "infra" / "airflow" / "Dockerfile").read_text()
    assert tags["HEALTH_PREDICT_PYTHON_IMAGE"] == set(re.findall(r"^ARG BASE_IMAGE=(.*)$", dockerfile, re.MULTILINE))


@every_service
def test_service_is_locked_down(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "cap_add", "devices"} & set(service)


@every_service
def test_user_is_not_root(name: str) -> None:
    user = SERVICES[name]["user"]
    asked = ASKED % "HEALTH_PREDICT_UID" + ":" + ASKED % "HEALTH_PREDICT_GID"
    assert re.fullmatch(asked, user) or int(user.split(":")[0]) > 0, user


@every_service
def test_service_has_limits(name: str) -> None:
    assert {"mem_limit", "cpus", "pids_limit", "logging"} <= set(SERVICES[name])


@every_service
def test_service_has_a_profile(name: str) -> None:
    (profile,) = SERVICES[name]["profiles"]
    assert profile in PROFILES


@every_service
def test_health_is_checked(name: str) -> None:
    if name in JOBS:
        waiting = [one for one in SERVICES.values() if name in one.get("depends_on", {})]
        assert waiting, f"nothing waits for the end of {name}"
    else:
        assert set(SERVICES[name]["healthcheck"]) == {"test", "interval", "timeout", "retries", "start_period"}


@every_service
def test_what_it_depends_on_is_waited_for(name: str) -> None:
    for other, how in SERVICES[name].get("depends_on", {}).items():
        wanted = "service_completed_successfully" if other in JOBS else "service_healthy"
        assert how == {"condition": wanted}, f"{name} on {other}"
        assert SERVICES[other]["profiles"] == SERVICES[name]["profiles"]


@every_service
def test_all_listen_on_the_machines_own_address_alone(name: str) -> None:
    service = SERVICES[name]
    assert service["network_mode"] == "host"
    assert "ports" not in service
    scripts = "".join((_script(word)).read_text() for word in service.get("command", []) if word.endswith(".sh"))
    silent = JOBS | {"airflow-scheduler", "airflow-dag-processor", "reconciler"}
    assert "0.0.0.0" not in _words(service) + scripts  # noqa: S104 - what must not be there
    says = re.search(r"(=|addr \"|host )127\.0\.0\.1", _words(service) + scripts)
    assert says or name in silent, f"{name} names no address to listen on"


def test_scheduler_serves_no_logs() -> None:
    assert "--skip-serve-logs" in _script(SERVICES["airflow-scheduler"]["command"][0]).read_text()


def _script(word: str) -> Any:
    folder = "compose" if "notebook" in word else "airflow"
    return PROJECT / "infra" / folder / word.rpartition("/")[2]


@pytest.mark.parametrize(("name", "variable", "value"), _environment_of_secrets())
def test_secrets_come_from_outside_and_have_no_default(name: str, variable: str, value: str) -> None:
    if variable == "HEALTH_PREDICT_ZENML_CREDENTIALS":
        assert value.endswith("/services/zenml.env"), "a path"
        return
    assert re.fullmatch(ASKED % r"(?P<name>\w+)", value), f"{name}: {variable} is given in the file"
    assert re.fullmatch(ASKED % r"(?P<name>\w+)", value)["name"] in SECRETS  # type: ignore[index]


def test_every_secret_is_used_and_nothing_else_is_asked_for() -> None:
    derived = {f"HEALTH_PREDICT_{name}" for name in ("PROJECT", "STATE", "UID", "GID", "S3_ENDPOINT")}
    assert set(re.findall(r"\$\{(\w+):\?", TEXT)) == SECRETS | derived
    assert not re.findall(r"\$\{[^}]*\$\{", TEXT), "docker-compose 1.29 takes a default in a default literally"
    assert not re.findall(r"\$\{\w+\}", TEXT), "neither default nor message"


def test_no_secret_in_an_address_or_an_argument() -> None:
    assert not re.search(r"://[^/\s]*:[^/\s]*@", TEXT)
    for name, service in SERVICES.items():
        assert not SECRET_WORDS.search(" ".join(service.get("command", []))), name


def test_ports_and_names_are_those_of_the_processes() -> None:
    declared = read_values(SETTINGS)
    used = dict(re.findall(r"\$\{(HEALTH_PREDICT_\w+):-([^}$]+)\}", TEXT))
    assert {name: used.get(name) for name in declared} == declared


def test_airflow_is_set_up_as_by_the_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEALTH_PREDICT_STATE", "/state")
    place = Place(read_settings({}), dict.fromkeys(SECRETS, "drawn"))
    processes = airflow_environment(place)
    containers = CONTENT["x-airflow-environment"]
    common = [name for name, value in containers.items() if name in processes and value and "$" not in value]
    place_of_files = {"AIRFLOW__LOGGING__BASE_LOG_FOLDER", "HEALTH_PREDICT_PYTHON"}
    assert len(common) > 8
    assert {name: containers[name] for name in common if name not in place_of_files} == {
        name: processes[name] for name in common if name not in place_of_files
    }


def test_volumes_are_named_and_the_project_is_read_only() -> None:
    project = "${HEALTH_PREDICT_PROJECT:?run python -m infra.compose up}"
    mounts = [mount for service in SERVICES.values() for mount in service.get("volumes", [])]
    named = {mount.split(":")[0] for mount in mounts if not mount.startswith(("$", "."))}
    assert named == set(CONTENT["volumes"])
    assert all(mount == f"{project}:{project}:ro" for mount in mounts if mount.startswith(project))
    assert all(mount.endswith(":ro") for mount in mounts if mount.startswith("."))


def test_tasks_read_the_key_of_zenml_from_a_file() -> None:
    for name in ("airflow-scheduler", "reconciler"):
        environment = SERVICES[name]["environment"]
        assert environment["ZENML_STORE_URL"].startswith("http://127.0.0.1:")
        assert "ZENML_STORE_API_KEY" not in environment
        assert "HEALTH_PREDICT_ZENML_CREDENTIALS" in environment
