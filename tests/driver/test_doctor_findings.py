"""The doctor's judgement of facts, one check at a time: what is said, and the command that mends it."""

import os
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from driver.doctor_airflow import DriverDag, dag_finding, health_findings
from driver.doctor_components import endpoint_finding
from driver.doctor_finding import Finding, any_failed, asked, failed
from driver.doctor_machine import (
    Environment,
    data_finding,
    disk_finding,
    environment_finding,
    environment_of,
    memory_finding,
    port_finding,
    python_finding,
    trouble_writing,
)
from driver.doctor_stack import Secrets, registration_finding, secrets_of
from health_predict.errors import InfrastructureError, InputError
from health_predict.rollout import Endpoint
from infra.processes.ports import Holder
from stacks.components.airflow_steps.airflow_api import Health
from stacks.stack_file import Component, StackFile

HERE = Path("/here")
VENV = Environment(".venv", "make setup", there=True, fresh=True)
RCLONE, NGINX = Holder(7, "rclone"), Holder(8, "nginx")
DIFFERS = ["orchestrator a differs", "b"]


@pytest.mark.parametrize(
    ("finding", "state", "told", "cure"),
    [
        (python_finding((3, 11), "/p"), "ok", "3.11 (/p)", ""),
        (python_finding((3, 12), "/p"), "FAIL", "3.12", "make setup"),
        (environment_finding(replace(VENV, there=False, fresh=False)), "FAIL", "not there", "make setup"),
        (environment_finding(replace(VENV, fresh=False)), "warn", "older", "make setup"),
        (environment_finding(VENV), "ok", "up to date", ""),
        (memory_finding(2000, services_to_start=False), "ok", "2,000 MB free, 1,500", ""),
        (memory_finding(2000, services_to_start=True), "warn", "5,500 MB wanted", "end other programs"),
        (disk_finding(HERE, 900), "FAIL", "900 MB free for /here, 1,000 MB needed", "HEALTH_PREDICT_STATE"),
        (disk_finding(HERE, 4999), "warn", "4,999 MB free", "free some"),
        (disk_finding(HERE, 5000), "ok", "5,000 MB free", ""),
        (port_finding("s3", 9000, "V", None, ours=False), "ok", "free", ""),
        (port_finding("s3", 9000, "V", RCLONE, ours=True), "ok", "our own service: rclone (process 7)", ""),
        (port_finding("s3", 9000, "V", NGINX, ours=False), "FAIL", "taken by nginx (process 8)", "set V"),
        (data_finding(None, cached=True, readable=False), "ok", "cache", ""),
        (data_finding(None, cached=False, readable=False), "warn", "SYNTHETIC", "HEALTH_PREDICT_DATA"),
        (data_finding("synthetic", cached=True, readable=False), "warn", "SYNTHETIC", "HEALTH_PREDICT_DATA"),
        (data_finding("/d.zip", cached=False, readable=False), "FAIL", "/d.zip, which cannot be read", "HEALTH"),
        (data_finding("/d.zip", cached=False, readable=True), "ok", "/d.zip", ""),
        (registration_finding("airflow", []), "ok", "as its file says", ""),
        (
            registration_finding("airflow", ["stack airflow is not registered"]),
            "FAIL",
            "not registered",
            "python -m stacks.apply airflow --activate",
        ),
        (registration_finding("local", ["stack local is not registered"]), "warn", "not registered", "stacks.apply"),
        (registration_finding("aws", DIFFERS), "warn", "a differs and 1 more", "stacks.apply aws"),
        (dag_finding(DriverDag("health_predict_x", True, False, None), "L"), "ok", "loaded", ""),
        (dag_finding(DriverDag("health_predict_x", True, True, None), "L"), "FAIL", "is paused", "the switch at L"),
        (dag_finding(DriverDag("health_predict_x", False, False, None), "L"), "FAIL", "not read", "make services-up"),
        (dag_finding(DriverDag("x", True, False, "SyntaxError: y"), "L"), "FAIL", "SyntaxError: y", "services-up"),
        (endpoint_finding("e", None), "ok", "nothing was deployed", ""),
        (endpoint_finding("e", Endpoint("hp", "", "running", "serves 3", "3")), "ok", "hp is running: serves 3", ""),
        (endpoint_finding("e", Endpoint("hp", "", "stopped", "gone; do x", None)), "warn", "stopped: gone", "deploy"),
        (endpoint_finding("e", Endpoint("hp", "", "failed", "no model", None)), "FAIL", "failed: no model", "deploy"),
    ],
)  # fmt: skip
def test_facts_become_a_finding(finding: Finding, state: str, told: str, cure: str) -> None:
    assert finding.state == state
    assert told in finding.told
    assert cure in finding.cure
    assert bool(finding.cure) == (state != "ok")
    assert "\n" not in finding.told + finding.cure


def test_each_part_of_airflow_is_told() -> None:
    findings = health_findings("http://a", Health({"scheduler": "is unhealthy (last seen 10:00)"}))
    assert {finding.name: finding.state for finding in findings} == {
        "Airflow": "ok",
        "Airflow database": "ok",
        "Airflow scheduler": "FAIL",
        "DAG processor": "ok",
    }
    assert any_failed(findings)


def test_an_explained_failure_is_split_into_what_and_cure() -> None:
    cure = "make services-up (here; on AWS: terraform apply)"
    error = InfrastructureError(f"MLflow is down; run: {cure}")
    assert failed("m", error) == Finding(
        "m", "FAIL", "MLflow is down", "make services-up (here; on AWS: terraform apply)"
    )
    assert failed("m", InputError("bad file")).told == "bad file"


def test_what_a_library_says_is_not_repeated() -> None:
    def ask() -> str:
        raise ValueError("postgresql://user:CANARY@host")

    found = asked("database", ask)
    assert found.state == "FAIL"
    assert "ValueError" in found.told
    assert "CANARY" not in str(found)


def test_secrets_are_put_in_place_and_never_shown() -> None:
    secrets = Secrets({"s": {"KEY": "CANARY"}})
    configuration = {"key": "{{s.KEY}}", "nested": [{"k": "{{ s.KEY }}"}], "plain": "x", "number": 1}
    assert secrets.resolve(configuration) == {"key": "CANARY", "nested": [{"k": "CANARY"}], "plain": "x", "number": 1}
    assert "CANARY" not in repr(secrets)
    with pytest.raises(InputError, match=r"secret s\.OTHER is not known"):
        secrets.resolve("{{s.OTHER}}")


def test_a_secret_without_a_file_comes_from_the_store() -> None:
    component = Component("artifact_store", "c", "s3", {"key": "{{kept.KEY}}", "secret": "{{gone.KEY}}"})
    stack = StackFile("mine", Path("mine.yaml"), (component,), (), {}, {})
    secrets, findings = secrets_of(stack, StoreOfSecrets())
    assert findings == []
    assert secrets.resolve("{{kept.KEY}}") == "v"
    with pytest.raises(InputError, match=r"gone\.KEY is not known; zenml secret create gone --KEY=\.\.\."):
        secrets.resolve("{{gone.KEY}}")


class StoreOfSecrets:
    """ZenML's client, as far as it is asked for secrets."""

    def get_secret(self, name: str, **_: bool) -> SimpleNamespace:
        return SimpleNamespace(secret_values={"kept": {"KEY": "v"}}[name])


def test_an_environment_is_as_fresh_as_the_newest_of_its_stamps(tmp_path: Path) -> None:
    stamps = {".pipeline": "p.txt", ".dev": "d.txt"}
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    assert not environment_of(".venv", stamps, "c", tmp_path).there
    (tmp_path / ".venv" / "bin" / "python").touch()
    for name in ("p.txt", "d.txt", ".venv/.pipeline"):
        (tmp_path / name).touch()
    os.utime(tmp_path / "p.txt", (100, 100))
    assert environment_of(".venv", stamps, "c", tmp_path) == Environment(".venv", "c", there=True, fresh=True)
    os.utime(tmp_path / ".venv" / ".pipeline", (50, 50))
    assert not environment_of(".venv", stamps, "c", tmp_path).fresh


def test_a_folder_is_tried_by_writing_and_left_as_it_was(tmp_path: Path) -> None:
    assert trouble_writing(tmp_path / "not" / "yet") == ""
    assert list(tmp_path.iterdir()) == []
    assert trouble_writing(Path("/proc/self")).startswith("cannot be written (")
