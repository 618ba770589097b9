"""The client of Airflow's API against a server that answers as Airflow does, or fails as it does."""

from collections.abc import Iterator

import pytest

from health_predict.errors import InfrastructureError
from stacks.components.airflow_steps.airflow_api import AirflowApi, Dag, DagRun
from stacks.components.airflow_steps.preflight import check_airflow
from tests.stacks.components.airflow_steps.airflow_server import HEALTHY, Airflow, airflow_server

RUNS = "GET /api/v2/dags/d/dagRuns"


@pytest.fixture
def airflow() -> Iterator[Airflow]:
    with airflow_server() as server:
        yield server


def client(airflow: Airflow, word: str = "right", patience: float = 5.0) -> AirflowApi:
    return AirflowApi(airflow.url, "admin", word, patience)


def test_health_names_what_is_not_well(airflow: Airflow) -> None:
    assert client(airflow).health().reason == ""
    beat = "2026-11-26T01:00:00+00:00"
    ill = {"status": "unhealthy", "latest_scheduler_heartbeat": beat}
    airflow.answers["GET /api/v2/monitor/health"] = {**HEALTHY, "scheduler": ill, "dag_processor": {"status": None}}
    assert client(airflow).health().reason == f"scheduler is unhealthy (last seen {beat}), dag_processor is not there"


def test_a_run_with_its_tasks(airflow: Airflow) -> None:
    airflow.answers |= {
        "GET /api/v2/dags/d": {"is_paused": True},
        RUNS: {"dag_runs": [{"dag_run_id": "r:1", "state": "running"}]},
        f"{RUNS}/r%3A1": {"dag_run_id": "r:1", "state": "failed"},
        f"{RUNS}/r%3A1/taskInstances": {"task_instances": [{"task_id": "a", "state": None}]},
    }
    api = client(airflow)
    assert api.dag("d") == Dag(paused=True)
    assert api.dag_run("d") == DagRun("r:1", "running")
    assert api.dag_run("d", "r:1") == DagRun("r:1", "failed")
    assert api.task_states("d", "r:1") == {"a": None}
    assert airflow.tokens == 1, "one token serves many questions"


def test_what_is_not_there_is_no_failure(airflow: Airflow) -> None:
    api = client(airflow)
    assert api.dag("d") is None
    assert api.dag_run("d") is None
    assert api.task_states("d", "r") == {}
    api.delete_dag("d")


def test_what_was_raised_at_an_import(airflow: Airflow) -> None:
    errors = [
        {"filename": "x/d.zip/dag.py", "stack_trace": "Traceback\n  x\nTypeError: Invalid arguments\n**kwargs: 1\n"}
    ]
    airflow.answers["GET /api/v2/importErrors"] = {"import_errors": errors}
    assert client(airflow).import_error("d.zip") == "TypeError: Invalid arguments"
    assert client(airflow).import_error("other.zip") is None


def test_5xx_is_asked_again(airflow: Airflow) -> None:
    airflow.answers["GET /api/v2/dags/d"] = [503, 500, {"is_paused": False}]
    assert client(airflow).dag("d") == Dag(paused=False)


def test_4xx_is_not_asked_again(airflow: Airflow) -> None:
    airflow.answers["GET /api/v2/importErrors"] = 422
    with pytest.raises(InfrastructureError, match=r"GET /api/v2/importErrors answered 422.*make services-up"):
        client(airflow).import_error("d.zip")
    assert airflow.asked.count("GET /api/v2/importErrors") == 1


def test_a_token_that_airflow_forgot_is_renewed_once(airflow: Airflow) -> None:
    airflow.answers["GET /api/v2/dags/d"] = {"is_paused": False}
    api = client(airflow)
    api.dag("d")
    airflow.valid.clear()
    assert api.dag("d") == Dag(paused=False)
    assert airflow.tokens == 2


def test_a_wrong_password_is_said_without_it(airflow: Airflow) -> None:
    with pytest.raises(InfrastructureError, match="refused the user 'admin'") as refused:
        client(airflow, word="hunter2").dag("d")
    assert "hunter2" not in str(refused.value)
    assert "hunter2" not in repr(client(airflow, word="hunter2"))


def test_nobody_there(unused_url: str) -> None:
    with pytest.raises(InfrastructureError, match=rf"Airflow at {unused_url} failed .*make services-up"):
        AirflowApi(unused_url, "admin", "x", patience=0.1).health()


def test_ready_for_a_run(airflow: Airflow, tmp_path) -> None:
    check_airflow(client(airflow), tmp_path)
    assert airflow.tokens == 1


def test_not_ready_for_a_run(airflow: Airflow, tmp_path) -> None:
    with pytest.raises(InfrastructureError, match=r"absent is not there.*make services-up"):
        check_airflow(client(airflow), tmp_path / "absent")
    with pytest.raises(InfrastructureError, match="refused the user"):
        check_airflow(client(airflow, word="wrong"), tmp_path)
    airflow.answers["GET /api/v2/monitor/health"] = {**HEALTHY, "scheduler": {"status": "unhealthy"}}
    with pytest.raises(InfrastructureError, match=r"scheduler is unhealthy.*make services-status"):
        check_airflow(client(airflow), tmp_path)


def test_a_folder_that_cannot_be_written(airflow: Airflow, tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.access", lambda path, mode: False)  # root may write everywhere
    with pytest.raises(InfrastructureError, match="cannot be written"):
        check_airflow(client(airflow), tmp_path)


@pytest.fixture
def unused_url() -> str:
    with airflow_server() as gone:
        return gone.url
