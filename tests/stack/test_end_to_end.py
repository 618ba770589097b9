"""The product on the stack `airflow`: train, deploy, monitor with one retrain, on the real file, as a user does it."""

import json
from typing import Any

import boto3
import pytest
import requests

from tests.pipelines.conftest import Finished
from tests.stack.airflow import Airflow
from tests.stack.installation import BUCKET, KEYS, Installation

pytestmark = pytest.mark.stack
PATIENCE = 420.0  # seconds


def test_training_ends_with_a_champion(installation: Installation, airflow: Airflow, trained: Finished) -> None:
    assert trained.code == 0, trained.errors
    assert f"http://127.0.0.1:{installation.ports['AIRFLOW']}" in trained.output + trained.errors
    assert installation.ask("versions")["champion"] == "1"
    (run,) = installation.ask("runs", "health_predict_training_hpo")
    assert run["status"] == "completed"
    assert set(airflow.tasks(run["name"]).values()) == {"success"}


def test_artifacts_lie_where_users_of_s3_and_mlflow_look(installation: Installation, trained: Finished) -> None:
    runs = installation.ask("mlflow-runs", "HealthPredict_Training")
    assert {run["status"] for run in runs} == {"FINISHED"}
    assert all(run["artifacts"].startswith("mlflow-artifacts:/") for run in runs)
    folders = {key.partition("/")[0] for key in keys(installation)}
    assert "mlflow" in folders
    assert {"load_data", "search_models", "fit_model"} <= folders


def test_deployment_serves_the_champion(installation: Installation, deployed: dict[str, Any]) -> None:
    assert deployed["status"] == "deployed"
    status = json.loads(installation.run("--status", "--json").output)
    assert status["endpoint"]["model_version"] == "1"
    example = requests.get(status["endpoint"]["url"].partition("/api")[0] + "/health", timeout=10).json()
    assert (example["status"], example["model_version"]) == ("ready", "1")


def test_verdict_is_the_tasks_xcom(installation: Installation, first_batch: dict[str, Any]) -> None:
    (entry,) = installation.ask("ledger")["entries"]
    assert first_batch["verdict"] == entry["records"]["checked"]["verdict"]["verdict"]
    assert first_batch["verdict"] in ("DRIFT_DETECTED", "NO_DRIFT")
    assert [batch["batch"] for batch in first_batch["batches"]] == [entry["batch"]]


def test_reports_lie_in_the_bucket(installation: Installation, first_batch: dict[str, Any]) -> None:
    batch = first_batch["batches"][0]["batch"]
    found = keys(installation)
    assert f"current_batch_for_monitoring/{batch}.parquet" in found
    assert any(key.startswith(f"drift_reports/{batch}/") for key in found)


def test_retrain_makes_one_version_and_says_what_became_of_it(installation: Installation, retrained: Finished) -> None:
    assert retrained.code == 0, retrained.errors
    _first, second = installation.ask("ledger")["entries"]
    assert second["records"]["decided"]["action"] == "retrain"
    outcome, known = second["outcome"], installation.ask("versions")
    assert outcome["result"] in ("promoted", "refused")
    assert known["tags"][outcome["version"]]["trigger"] == f"retrain:{second['batch']}"
    served = json.loads(installation.run("--status", "--json").output)
    assert served["champion"]["version"] == served["endpoint"]["model_version"] == known["champion"]
    assert (outcome["result"] == "promoted") == (known["champion"] == outcome["version"])


def test_every_run_of_every_pipeline_has_ended_well(installation: Installation, retrained: Finished) -> None:
    for name in ("training_hpo", "api_deployment", "monitoring_retraining", "retraining"):
        runs = installation.ask("runs", f"health_predict_{name}")
        assert runs, name
        assert {run["status"] for run in runs} == {"completed"}, name


def keys(installation: Installation) -> set[str]:
    client = boto3.client(
        "s3",
        endpoint_url=installation.s3_url,
        aws_access_key_id=KEYS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=KEYS["AWS_SECRET_ACCESS_KEY"],
        region_name=KEYS["AWS_DEFAULT_REGION"],
    )
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
    return {item["Key"] for page in pages for item in page.get("Contents", ())}
