"""`run.py --pipeline deploy` on a store of its own, as a user meets it: from no champion to a refused bundle."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from mlflow import MlflowClient

from adapters.mlflow_registry import Registry
from health_predict.example import EXAMPLE
from tests.pipelines.champions import artifact_of, register_champion, rollout_of
from tests.pipelines.conftest import Finished, Project
from tests.serving.conftest import served_models

__all__ = ["served_models"]
URL = re.compile(r"endpoint: (http://127\.0\.0\.1:\d+/api/v1\.0/predictions)")


@pytest.fixture(scope="module")
def deployment(tmp_path_factory) -> Iterator[Project]:
    project = Project(tmp_path_factory.mktemp("deployment"))
    yield project
    project.run("--stop-endpoint")


@pytest.fixture(scope="module")
def without_champion(deployment: Project) -> Finished:
    return deployment.run("--pipeline", "deploy")


@pytest.fixture(scope="module")
def registry(deployment: Project, without_champion) -> Registry:
    return Registry(deployment.state / "locks", f"sqlite:///{deployment.state}/mlflow/mlflow.db")


@pytest.fixture(scope="module")
def deployed(deployment, registry, served_models, tmp_path_factory) -> Finished:
    """The first deployment, of version 1."""
    register_champion(registry, served_models["xgboost"], tmp_path_factory.mktemp("one"))
    return deployment.run("--pipeline", "deploy")


@pytest.fixture(scope="module")
def url(deployed: Finished) -> str:
    assert deployed.code == 0, deployed.errors
    return URL.search(deployed.output)[1]


def version_at(url: str) -> str:
    answer = httpx.post(url, json={"jsonData": EXAMPLE}, timeout=10).raise_for_status()
    return answer.json()["meta"]["tags"]["model_version"]


def test_without_a_champion_it_names_the_command_that_makes_one(without_champion: Finished) -> None:
    assert without_champion.code == 2
    expected = "error: HealthPredict has no champion yet; train one: python run.py --pipeline train"
    assert without_champion.errors.strip().splitlines()[-1] == expected


def test_it_serves_the_champion_and_shows_a_prediction(deployed, url) -> None:
    assert version_at(url) == "1"
    for words in (
        "serves: version 1",
        "64 golden records",
        "latency: median",
        "One prediction, of an invented encounter",
    ):
        assert words in deployed.output
    assert "Traceback" not in deployed.output + deployed.errors


def test_its_curl_line_works_as_it_stands(deployed, url) -> None:
    line = next(line for line in deployed.output.splitlines() if line.startswith("curl "))
    assert shutil.which("curl"), "curl is missing"
    answer = json.loads(subprocess.run(["bash", "-c", line], capture_output=True, check=True).stdout)
    assert 0 < answer["jsonData"]["probability_score"] < 1


def test_the_rollout_is_recorded_with_the_version_and_as_a_run(registry, url) -> None:
    rollout = rollout_of(registry, "1")
    assert (rollout["status"], rollout["serving"], rollout["url"]) == ("deployed", "1", url)
    client = MlflowClient(registry.tracking_uri)
    runs = client.search_runs([client.get_experiment_by_name("HealthPredict_Deployment").experiment_id])
    recorded = next(run.data for run in runs if "verified" in run.data.metrics)
    assert recorded.metrics["verified"] == 1
    assert recorded.metrics["latency_median_ms"] > 0
    assert recorded.params["model_version"] == "1"


def test_status_knows_champion_and_endpoint_and_says_when_they_differ(
    deployment, registry, url, served_models, tmp_path
):
    register_champion(registry, served_models["logistic_regression"], tmp_path)
    told = json.loads(deployment.run("--status", "--json").output)
    assert (told["stack"], told["champion"]["version"], told["champion"]["family"]) == (
        "local",
        "2",
        "logistic_regression",
    )
    assert (told["endpoint"]["state"], told["endpoint"]["model_version"], told["endpoint"]["url"]) == (
        "running",
        "1",
        url,
    )
    assert told["monitoring"] is None
    shown = deployment.run("--status")
    assert shown.code == 0
    assert "version 1 is served, but version 2 is champion" in shown.output


def test_a_corrupt_bundle_is_refused_in_one_line_and_the_old_version_serves_on(deployment, registry, url) -> None:
    file = artifact_of(registry, "2", "model.onnx")
    sound = file.read_bytes()
    file.write_bytes(sound[: len(sound) // 2])
    failed = deployment.run("--pipeline", "deploy")
    file.write_bytes(sound)
    assert failed.code == 2
    line = failed.errors.strip().splitlines()[-1]
    assert re.fullmatch(r"error: version 2 cannot be served: bundle .*unreadable.*--pipeline rollback", line), line
    assert version_at(url) == "1"


def test_the_next_deployment_updates_in_place(deployment, registry, url) -> None:
    done = deployment.run("--pipeline", "deploy")
    assert (done.code, URL.search(done.output)[1], version_at(url)) == (0, url, "2")


def test_an_unknown_version_and_a_dry_run_change_nothing(deployment, url) -> None:
    unknown = deployment.run("--pipeline", "deploy", "--model-version", "99")
    assert unknown.code == 2
    assert "HealthPredict has no version 99" in unknown.errors
    dry = deployment.run("--pipeline", "deploy", "--model-version", "1", "--dry-run")
    assert (dry.code, version_at(url)) == (0, "2")


def test_a_registry_that_cannot_be_read_is_exit_code_5_and_the_endpoint_serves_on(deployment, url) -> None:
    database = deployment.state / "mlflow" / "mlflow.db"
    kept = Path(shutil.copy(database, database.with_suffix(".kept")))
    database.write_bytes(b"not a database" * 1000)
    failed = deployment.run("--pipeline", "deploy")
    kept.replace(database)
    assert failed.code == 5, failed.errors
    assert re.search(r"^error: .*mlflow\.db", failed.errors, re.M)
    assert version_at(url) == "2"


def test_the_endpoint_stops_and_stopping_twice_is_fine(deployment, url) -> None:
    first, second = deployment.run("--stop-endpoint"), deployment.run("--stop-endpoint")
    assert (first.code, second.code) == (0, 0)
    assert "health-predict stopped" in first.output
    with pytest.raises(httpx.ConnectError):
        version_at(url)
