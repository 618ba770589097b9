"""From `run_to_end` to a file for Airflow and back to an explained end, with a server that answers as Airflow does."""

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from driver.runs import run_to_end
from health_predict.errors import InfrastructureError
from stacks.apply import apply_stack
from tests.stacks.components.airflow_steps.airflow_server import HEALTHY, WELL, Airflow, airflow_server
from tests.stacks.own_store import Store

CANARY = "c4n4ry-of-airflow"
STACK = """
secrets:
  airflow_test: {secrets}
components:
  orchestrator:
    name: airflow_test
    flavor: airflow_steps
    configuration:
      url: {url}
      username: admin
      password: "{{{{airflow_test.AIRFLOW_ADMIN_PASSWORD}}}}"
      dags_folder: {dags}
      keep_finished: 1
  artifact_store:
    name: airflow_test_artifacts
    flavor: local
    configuration:
      path: {artifacts}
flavors:
  - stacks.components.airflow_steps.flavor.AirflowStepsFlavor
"""


@dataclass(frozen=True)
class Submitting:
    """The stack's identifier in ZenML, its Airflow and its DAG folder."""

    stack: str
    airflow: Airflow
    dags: Path


@pytest.fixture(scope="module")
def submitting(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Submitting]:
    """One stack for all tests here, since ZenML keeps a stack's configuration as long as the process lives."""
    folder = tmp_path_factory.mktemp("airflow")
    dags, secrets = folder / "dags", folder / "secrets.env"
    dags.mkdir()
    secrets.write_text(f"AIRFLOW_ADMIN_PASSWORD={CANARY}\n")
    secrets.chmod(0o600)
    with airflow_server() as server:
        server.knows = CANARY
        stack = STACK.format(secrets=secrets, url=server.url, dags=dags, artifacts=folder / "artifacts")
        (folder / "airflow_test.yaml").write_text(stack)
        yield Submitting(str(apply_stack("airflow_test", activate=False, folder=folder).id), server, dags)


@pytest.fixture
def airflow(submitting: Submitting, monkeypatch: pytest.MonkeyPatch) -> Airflow:
    """Well, with an empty folder, and of the current stack."""
    monkeypatch.setenv("ZENML_ACTIVE_STACK_ID", submitting.stack)
    submitting.airflow.answers = dict(WELL)
    submitting.airflow.asked.clear()
    for path in submitting.dags.iterdir():
        path.unlink()
    return submitting.airflow


@pytest.fixture
def dags(submitting: Submitting) -> Path:
    return submitting.dags


def runs() -> int:
    from zenml.client import Client

    return Client().list_pipeline_runs().total


def submit() -> None:
    from tests.stacks.components.airflow_steps.two_steps import two_steps

    run_to_end(two_steps, no_cache=False)


def cannot_read(folder: Path) -> dict:
    """Airflow's answer when it fails to import every file of its folder."""
    trace = "Traceback\n  ...\nKeyError: 'HEALTH_PREDICT_PYTHON'"
    return {"import_errors": [{"filename": f"{zip.name}/dag.py", "stack_trace": trace} for zip in folder.glob("*.zip")]}


def test_nothing_is_written_when_airflow_is_not_ready(airflow: Airflow, dags: Path) -> None:
    airflow.answers["GET /api/v2/monitor/health"] = {**HEALTHY, "scheduler": {"status": "unhealthy"}}
    before = runs()
    with pytest.raises(InfrastructureError, match=r"scheduler is unhealthy.*make services-up"):
        submit()
    assert runs() == before
    assert not list(dags.iterdir())


def test_a_file_that_airflow_cannot_read_ends_the_run(airflow: Airflow, dags: Path) -> None:
    airflow.answers["GET /api/v2/importErrors"] = lambda: cannot_read(dags)
    with pytest.raises(InfrastructureError, match=r"cannot read its DAG: KeyError: 'HEALTH_PREDICT_PYTHON'"):
        submit()
    (path,) = dags.glob("*.zip")
    with zipfile.ZipFile(path) as archive:
        config = archive.read("config.json").decode()
    assert CANARY not in config
    from zenml.client import Client

    run = Client().get_pipeline_run(path.stem)
    assert run.status == "failed"
    assert run.get_body().status_reason.startswith("Airflow cannot read its DAG: KeyError")
    assert run.exception_info.source == "health_predict.errors.InfrastructureError"
    assert run.run_metadata["orchestrator_url"] == f"{airflow.url}/dags/{path.stem}"
    snapshot = run.snapshot
    assert snapshot.build is None, "a process needs no image"
    assert snapshot.code_path is None, "and no uploaded code"


def test_the_reconciler_ends_what_nobody_follows(airflow: Airflow, dags: Path, monkeypatch) -> None:
    from zenml.client import Client

    from stacks.components.airflow_steps import reconciler
    from stacks.components.airflow_steps.following import Follower

    monkeypatch.setattr(Follower, "follow", lambda self: None)  # the client was killed
    submit()
    submit()
    new, old = sorted(dags.glob("*.zip"), key=lambda path: path.stat().st_mtime_ns, reverse=True)
    reconciler.one_pass()
    assert Client().get_pipeline_run(new.stem).status == "provisioning", "Airflow has time to read it"
    airflow.answers["GET /api/v2/importErrors"] = lambda: cannot_read(dags)
    reconciler.one_pass()
    assert {Client().get_pipeline_run(path.stem).status.value for path in (new, old)} == {"failed"}
    assert [path.name for path in dags.iterdir()] == [new.name], "keep_finished: 1"


def test_what_ended_in_zenml_is_stopped_in_airflow(
    airflow: Airflow, dags: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from stacks.components.airflow_steps import reconciler

    airflow.answers["GET /api/v2/importErrors"] = lambda: cannot_read(dags)
    with pytest.raises(InfrastructureError):
        submit()
    (path,) = dags.glob("*.zip")
    listed = f"GET /api/v2/dags/{path.stem}/dagRuns"
    airflow.answers[listed] = {"dag_runs": [{"dag_run_id": "r1", "state": "running"}]}
    airflow.answers[f"PATCH /api/v2/dags/{path.stem}/dagRuns/r1"] = {}
    reconciler.one_pass()
    assert not any(asked.startswith("PATCH") for asked in airflow.asked), "Airflow may be about to see it by itself"
    monkeypatch.setattr(reconciler, "_GRACE", 0.0)
    reconciler.one_pass()
    assert f"PATCH /api/v2/dags/{path.stem}/dagRuns/r1" in airflow.asked
    assert path.exists(), "never under a live run of Airflow"
