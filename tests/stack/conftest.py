"""One installation for all tests of this folder: real PostgreSQL, MLflow server and Airflow, and moto as S3."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import psutil
import pytest
import requests

from tests.pipelines.conftest import SMALL, Finished
from tests.stack.airflow import Airflow
from tests.stack.fault_proxy import FaultProxy
from tests.stack.installation import BUCKET, KEYS, TRAIN_ON_AIRFLOW, Installation, free_port, let_postgres_pass

PATIENCE = 420.0  # seconds


@pytest.fixture(scope="session")
def s3_port() -> Iterator[int]:
    """Moto's S3 server."""
    port = free_port()
    server = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    wait_until_it_answers(f"http://127.0.0.1:{port}/moto-api/")
    yield port
    server.terminate()
    server.wait(timeout=30)


@pytest.fixture(scope="session")
def s3(s3_port: int) -> Iterator[FaultProxy]:
    """S3 with the bucket, behind a proxy that can fail."""
    direct = boto3.client(
        "s3",
        endpoint_url=f"http://127.0.0.1:{s3_port}",
        aws_access_key_id=KEYS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=KEYS["AWS_SECRET_ACCESS_KEY"],
        region_name=KEYS["AWS_DEFAULT_REGION"],
    )
    direct.create_bucket(Bucket=BUCKET)
    proxy = FaultProxy(s3_port)
    yield proxy
    proxy.close()


@pytest.fixture(scope="session")
def installation(s3: FaultProxy, real_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """Services that are up; ended, with everything they started, after the last test."""
    own = Installation(tmp_path_factory.mktemp("stack") / "state", s3.url, real_path)
    let_postgres_pass(own.state.parent)
    up = own.services("up")
    assert up.code == 0, up.output + up.errors
    yield own
    own.run("--stop-endpoint")
    session = supervisor_session(own)
    down = own.services("down")
    assert down.code == 0, down.output + down.errors
    assert not [pid for pid in psutil.pids() if session_of(pid) == session], "processes outlive their services"


@pytest.fixture(scope="session")
def airflow(installation: Installation) -> Airflow:
    secrets = dict(
        line.split("=", 1)
        for line in (installation.state / "services" / "secrets.env").read_text().splitlines()
        if "=" in line
    )
    return Airflow(f"http://127.0.0.1:{installation.ports['AIRFLOW']}", "admin", secrets["AIRFLOW_ADMIN_PASSWORD"])


@pytest.fixture(scope="session")
def trained(installation: Installation) -> Finished:
    _python, *command = TRAIN_ON_AIRFLOW.split()
    return installation.python(*command, *SMALL)


@pytest.fixture(scope="session")
def deployed(installation: Installation, trained: Finished, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    result = tmp_path_factory.mktemp("deploy") / "result.json"
    done = installation.run("--pipeline", "deploy", "--result", str(result))
    assert done.code == 0, done.errors
    return dict(json.loads(result.read_text())["rollout"])


@pytest.fixture(scope="session")
def first_batch(installation: Installation, airflow: Airflow, deployed: dict[str, Any]) -> dict[str, Any]:
    """What the scheduled DAG returns, started from Airflow with parameters; nobody waits at a terminal."""
    dag = "health_predict_monitoring_retraining"
    started = airflow.post(f"dags/{dag}/dagRuns", {"logical_date": None, "conf": {"batches": "1", "batch_size": 5000}})
    run = f"dags/{dag}/dagRuns/{started['dag_run_id']}"
    end = time.monotonic() + PATIENCE
    while airflow.get(run)["state"] in ("queued", "running"):
        assert time.monotonic() < end, "the monitoring DAG did not end"
        time.sleep(2)
    assert airflow.get(run)["state"] == "success"
    (task,) = airflow.get(f"{run}/taskInstances")["task_instances"]
    return dict(
        airflow.get(f"{run}/taskInstances/{task['task_id']}/xcomEntries/return_value?deserialize=true")["value"]
    )


@pytest.fixture(scope="session")
def retrained(installation: Installation, first_batch: dict[str, Any]) -> Finished:
    size = ("--batch-size", "5000")
    return installation.run("--pipeline", "monitor", *size, "--force-retrain")


def supervisor_session(installation: Installation) -> int:
    return int((installation.state / "services" / "run" / "supervisord.pid").read_text())


def session_of(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except OSError:
        return None


def wait_until_it_answers(url: str, patience: float = 60) -> None:
    end = time.monotonic() + patience
    while True:
        try:
            requests.get(url, timeout=5)
        except requests.RequestException:
            assert time.monotonic() < end, f"{url} did not answer within {patience:.0f} s"
            time.sleep(0.2)
        else:
            return
