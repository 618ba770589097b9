"""How Airflow's answers become facts, and since when it is in trouble."""

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest

from stacks.components.airflow_steps.airflow_api import AirflowApi
from stacks.components.airflow_steps.observation import Observer
from stacks.components.airflow_steps.reconciliation import AirflowFacts, Limits
from tests.stacks.components.airflow_steps.airflow_server import HEALTHY, Airflow, airflow_server

RUNS = "GET /api/v2/dags/d/dagRuns"
LIMITS = Limits(60, 600, 40)


@pytest.fixture
def airflow() -> Iterator[Airflow]:
    with airflow_server() as server:
        yield server


def facts(airflow: Airflow, folder: Path) -> AirflowFacts:
    observer = Observer(AirflowApi(airflow.url, "admin", "right", patience=0.1), folder, LIMITS)
    return observer._airflow_facts("d", None)


def test_a_running_task(airflow: Airflow, tmp_path: Path) -> None:
    (tmp_path / "d.zip").touch()
    airflow.answers |= {
        "GET /api/v2/dags/d": {"is_paused": False},
        RUNS: {"dag_runs": [{"dag_run_id": "r", "state": "running"}]},
        f"{RUNS}/r/taskInstances": {"task_instances": [{"task_id": "first", "state": "running"}]},
    }
    assert facts(airflow, tmp_path) == AirflowFacts(
        answers=True, dag_there=True, run_state="running", tasks={"first": "running"}
    )


def test_a_paused_dag_is_trouble_with_its_cure(airflow: Airflow, tmp_path: Path) -> None:
    airflow.answers |= {"GET /api/v2/dags/d": {"is_paused": True}, "GET /api/v2/importErrors": {"import_errors": []}}
    seen = facts(airflow, tmp_path)
    assert seen.trouble == f"Airflow at {airflow.url}: the DAG is paused; let it go on there"
    assert (seen.dag_there, seen.file_there, seen.run_state) == (True, False, None)


def test_a_dead_dag_processor_matters_only_until_the_run_begins(airflow: Airflow, tmp_path: Path) -> None:
    ill = {**HEALTHY, "dag_processor": {"status": "unhealthy"}}
    airflow.answers |= {"GET /api/v2/monitor/health": ill, "GET /api/v2/importErrors": {"import_errors": []}}
    assert "dag_processor is unhealthy; start it with `make services-up`" in facts(airflow, tmp_path).trouble
    airflow.answers |= {
        "GET /api/v2/dags/d": {"is_paused": False},
        RUNS: {"dag_runs": [{"dag_run_id": "r", "state": "running"}]},
    }
    assert facts(airflow, tmp_path).trouble == ""


def test_silence_is_trouble(airflow: Airflow, tmp_path: Path) -> None:
    airflow.answers["GET /api/v2/monitor/health"] = 503
    seen = facts(airflow, tmp_path)
    assert not seen.answers
    assert "answered 503" in seen.trouble


def test_trouble_is_timed_by_run_until_it_is_over(tmp_path: Path) -> None:
    now = [10.0]
    observer = Observer(AirflowApi("http://airflow", "admin", "x"), tmp_path, LIMITS, clock=lambda: now[0])
    one, two = UUID(int=1), UUID(int=2)
    assert observer._troubled(one, "paused") == 0
    now[0] = 25.0
    assert observer._troubled(one, "silent") == 15, "another trouble is still trouble"
    assert observer._troubled(two, "silent") == 0
    assert observer._troubled(one, "") == 0
    assert observer._troubled(one, "paused") == 0, "it begins anew"
