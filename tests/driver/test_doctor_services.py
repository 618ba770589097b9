"""The doctor's questions to services, each against a small real server that is well, or ill in one way."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import boto3
import pytest

from driver.doctor_airflow import airflow_findings
from driver.doctor_components import component_findings
from driver.doctor_finding import Finding
from driver.doctor_stack import Secrets
from stacks.stack_file import Component, StackFile
from tests.adapters.s3_bucket import s3
from tests.driver.small_server import NOBODY, answering

__all__ = ["s3"]

PASSWORD = "CANARY-31415"  # noqa: S105 - what must not be shown
HEALTHY = {part: {"status": "healthy"} for part in ("metadatabase", "scheduler", "dag_processor")}
DAG = {"is_paused": False, "has_import_errors": False}
AIRFLOW = {
    "GET /api/v2/monitor/health": (200, HEALTHY),
    "POST /auth/token": (201, {"access_token": "t"}),
    "GET /api/v2/dags/health_predict": (200, DAG),
    "GET /api/v2/importErrors": (200, {"import_errors": []}),
}
MLFLOW = {"GET /health": (200, {}), "GET /api/2.0": (200, {})}


def ask(type_: str, flavor: str, **configuration: Any) -> list[Finding]:
    """Ask a stack of one component, whose password is a secret."""
    component = Component(type_, "c", flavor, configuration)
    stack = StackFile("mine", Path("mine.yaml"), (component,), (), {}, {})
    findings = component_findings(stack, Secrets({"s": {"PASSWORD": PASSWORD}}), registered=False)
    assert PASSWORD not in str(findings)
    assert "Traceback" not in str(findings)
    return findings


def airflow(answers: dict[str, Any], dags: Path) -> dict[str, Finding]:
    with answering(answers) as url:
        login = {"username": "admin", "password": "{{s.PASSWORD}}"}
        findings = ask("orchestrator", "airflow_steps", url=url, **login, dags_folder=str(dags))
    return {finding.name: finding for finding in findings}


def test_airflow_is_well(tmp_path: Path) -> None:
    found = airflow(AIRFLOW, tmp_path)
    assert {finding.state for finding in found.values()} == {"ok"}
    assert {name for name in found if name.startswith("DAG ")} == {
        "DAG processor",
        "DAG training_hpo",
        "DAG api_deployment",
        "DAG monitoring_retraining",
    }


@pytest.mark.parametrize(
    ("ill", "name", "told", "cure"),
    [
        (
            {"GET /api/v2/monitor/health": (200, {**HEALTHY, "scheduler": {"status": "unhealthy"}})},
            "Airflow scheduler",
            "is unhealthy",
            "make services-up",
        ),
        (
            {"GET /api/v2/monitor/health": (200, {**HEALTHY, "dag_processor": {"status": None}})},
            "DAG processor",
            "is not there",
            "make services-up",
        ),
        ({"POST /auth/token": (401, {})}, "Airflow login", "refused the user 'admin'", "its password is in"),
        ({"GET /api/v2/monitor/health": (500, {})}, "Airflow", "health answered 500", "make services-up"),
        (
            {"GET /api/v2/dags/health_predict_monitoring": (200, {**DAG, "is_paused": True})},
            "DAG monitoring_retraining",
            "is paused",
            "/dags/health_predict_monitoring_retraining",
        ),
        (
            {"GET /api/v2/dags/health_predict_training": (404, {})},
            "DAG training_hpo",
            "has not read it",
            "make services-up",
        ),
        (
            {
                "GET /api/v2/importErrors": (
                    200,
                    {
                        "import_errors": [
                            {"filename": "health_predict_training_hpo.py", "stack_trace": "Traceb..\nImportError: no x"}
                        ]
                    },
                )
            },
            "DAG training_hpo",
            "cannot be imported: ImportError: no x",
            "make services-up",
        ),
    ],
)
def test_what_is_ill_of_airflow_is_named(tmp_path: Path, ill: dict[str, Any], name: str, told: str, cure: str) -> None:
    found = airflow({**AIRFLOW, **ill}, tmp_path)
    assert [one for one, finding in found.items() if finding.state == "FAIL"] == [name]
    assert told in found[name].told
    assert cure in found[name].cure


def test_a_folder_of_dags_that_is_gone_or_cannot_be_written(tmp_path: Path) -> None:
    gone = airflow(AIRFLOW, tmp_path / "gone")["DAGs folder"]
    assert (gone.state, gone.cure) == ("FAIL", "make services-up")
    assert "is not there" in gone.told
    locked = airflow(AIRFLOW, Path("/proc/self"))["DAGs folder"]
    assert (locked.state, locked.cure) == ("FAIL", "give this user the right to")


def test_airflow_that_does_not_answer_is_asked_nothing_more(tmp_path: Path) -> None:
    configuration = {"url": NOBODY, "username": "a", "password": "p", "dags_folder": str(tmp_path)}
    folder, down = airflow_findings(configuration)
    assert (folder.state, down.state, down.name) == ("ok", "FAIL", "Airflow")
    assert "ConnectionError" in down.told
    assert "make services-up" in down.cure


def mlflow(url: str) -> Finding:
    login = {"tracking_username": "admin", "tracking_password": "{{s.PASSWORD}}"}
    (found,) = ask("experiment_tracker", "mlflow", tracking_uri=url, **login)
    return found


@pytest.mark.parametrize(
    ("ill", "state", "told", "cure"),
    [
        ({}, "ok", "lets us in", ""),
        ({"GET /api/2.0": (401, {})}, "FAIL", "the user admin and its password are refused (401)", "first started"),
        ({"GET /api/2.0": (500, {})}, "FAIL", "a search answers 500", "whether its database runs"),
        ({"GET /health": (404, {})}, "FAIL", "its health answers 404", "is it MLflow"),
    ],
)
def test_mlflow(ill: dict[str, Any], state: str, told: str, cure: str) -> None:
    with answering({**MLFLOW, **ill}) as url:
        found = mlflow(url)
    assert found.state == state
    assert told in found.told
    assert cure in found.cure


def test_mlflow_that_does_not_answer() -> None:
    found = mlflow(NOBODY)
    assert (found.state, found.cure) == ("FAIL", "start it: make services-up")
    assert "no answer (ConnectionError)" in found.told


def store(bucket: str, url: str, **keys: str) -> Finding:
    (found,) = ask("artifact_store", "s3", path=f"s3://{bucket}", client_kwargs={"endpoint_url": url}, **keys)
    return found


def test_a_bucket_is_there_or_not(s3: boto3.client) -> None:
    url, keys = s3.meta.endpoint_url, {"key": "k", "secret": "{{s.PASSWORD}}"}
    assert store("hospital", url, **keys).state == "ok"
    missing = store("nowhere", url, **keys)
    assert missing.state == "FAIL"
    assert "no such bucket" in missing.told
    assert "make services-up" in missing.cure


def test_a_wrong_key_and_storage_that_does_not_answer() -> None:
    keys = {"key": "k", "secret": "{{s.PASSWORD}}"}
    with answering({"HEAD /hospital": (403, {})}) as url:
        refused = store("hospital", url, **keys)
    assert "access denied (403)" in refused.told
    assert "credentials" in refused.cure
    down = store("hospital", NOBODY, **keys)
    assert "failed or unreachable (EndpointConnectionError)" in down.told
    assert "make services-up" in down.cure
    unknown = store("hospital", NOBODY, **{**keys, "key": "{{s.OTHER}}"})
    assert "secret s.OTHER is not known" in unknown.told


def test_a_container_registry() -> None:
    for status, state in ((200, "ok"), (401, "ok"), (500, "FAIL")):
        with answering({"GET /v2/": (status, {})}) as url:
            (found,) = ask("container_registry", "default", uri=url.removeprefix("http://"))
        assert found.state == state
    (down,) = ask("container_registry", "default", uri="127.0.0.1:9/hp")
    assert (down.state, down.cure) == ("FAIL", "start it")


def test_no_docker_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:9")
    (found,) = ask("image_builder", "local")
    assert found.state == "FAIL"
    assert "no Docker engine answers" in found.told
    assert "docker info" in found.cure


def test_a_tracking_database_is_opened(tmp_path: Path) -> None:
    file = tmp_path / "mlflow.db"

    def found() -> Finding:
        return ask("experiment_tracker", "mlflow", tracking_uri=f"sqlite:///{file}")[0]

    assert found().state == "ok"
    assert not file.exists()
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE experiments (name TEXT)")
    assert found().told.endswith("0 experiments")
    file.write_bytes(b"no database at all" * 100)
    assert (found().state, found().cure) == ("FAIL", "put it back from a copy")


def test_local_artifacts_and_what_runs_in_the_process(tmp_path: Path) -> None:
    assert ask("artifact_store", "local", path=str(tmp_path / "new"))[0].state == "ok"
    assert ask("artifact_store", "local", path="/proc/self/new")[0].state == "FAIL"
    assert ask("data_validator", "evidently")[0].state == "ok"
    assert ask("model_deployer", "seldon_local")[0].state == "warn"
