"""`run.py --doctor` where things are broken: every one is named with its cure, nothing is changed and nothing leaks."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from click.testing import CliRunner, Result

from tests.adapters.s3_bucket import s3
from tests.driver.small_server import NOBODY

__all__ = ["s3"]

CANARY = "CANARY-31415"


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state folder that is not there yet, and no ZenML store but the one that would be in it."""
    folder = tmp_path / "state"
    monkeypatch.setenv("HEALTH_PREDICT_STATE", str(folder))
    monkeypatch.setenv("ZENML_CONFIG_PATH", str(folder / "zenml"))
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:9")
    monkeypatch.setenv("COLUMNS", "60")
    for name in ("ZENML_STORE_URL", "HEALTH_PREDICT_DATA"):
        monkeypatch.delenv(name, raising=False)
    return folder


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """One that another program, this one, listens on; it is MLflow's by the environment."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        number = int(taken.getsockname()[1])
        monkeypatch.setenv("HEALTH_PREDICT_MLFLOW_PORT", str(number))
        yield number


def doctor(*arguments: str) -> Result:
    from run import main

    return CliRunner().invoke(main, ["--doctor", *arguments], catch_exceptions=False)


def found(result: Result) -> dict[str, dict[str, str]]:
    return {finding["name"]: finding for finding in json.loads(result.stdout)["findings"]}


def write_services(state: Path, mode: int) -> None:
    """What `make services-up` would leave, of services that are gone since."""
    folder = state / "services"
    folder.mkdir(parents=True)
    names = ("S3_ENDPOINT", "MLFLOW_URL", "AIRFLOW_URL")
    known = {f"HEALTH_PREDICT_{name}": NOBODY for name in names}
    known |= {"HEALTH_PREDICT_BUCKET": "hp", "HEALTH_PREDICT_DAGS": str(folder / "airflow" / "dags")}
    known |= {"HEALTH_PREDICT_AIRFLOW_USER": "admin", "HEALTH_PREDICT_MLFLOW_USER": "admin"}
    (folder / "services.env").write_text("".join(f"{name}={value}\n" for name, value in known.items()))
    keys = ("S3_ACCESS_KEY", "S3_SECRET_KEY", "AIRFLOW_ADMIN_PASSWORD", "MLFLOW_ADMIN_PASSWORD")
    secrets = folder / "secrets.env"
    secrets.write_text("".join(f"{key}={CANARY}\n" for key in keys))
    secrets.chmod(mode)


def test_before_the_first_run_nothing_is_broken_and_nothing_is_made(state: Path) -> None:
    result = doctor("--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert (told["stack"], told["ok"]) == ("local", True)
    assert found(result)["ZenML store"]["told"] == "there is none yet"
    assert found(result)["stack"]["cure"] == "python -m stacks.apply local --activate"
    assert not state.exists()


def test_each_finding_is_a_line_and_a_cure_is_never_folded(state: Path) -> None:
    lines = doctor().stdout.splitlines()
    assert lines[0] == "Health Predict on stack local"
    assert all(line.startswith(("ok    ", "warn  ", "FAIL  ", "      ")) for line in lines[1:-1])
    assert any(line.endswith("cure: python -m stacks.apply local --activate") for line in lines)
    assert lines[-1].startswith("nothing to mend, ")


def test_services_that_were_never_started(state: Path) -> None:
    result = doctor("--stack", "airflow", "--json")
    assert result.exit_code == 5
    assert found(result)["stack file"]["state"] == "FAIL"
    assert found(result)["stack file"]["cure"] == "make services-up"
    assert not state.exists()


def test_services_that_are_down_are_each_named_with_a_cure(state: Path, port: int) -> None:
    write_services(state, 0o600)
    result = doctor("--stack", "airflow", "--json")
    assert result.exit_code == 5
    findings = found(result)
    broken = {name for name, finding in findings.items() if finding["state"] == "FAIL"}
    expected = {"stack", "artifact store", "experiment tracker", "DAGs folder", "Airflow", f"port {port} (mlflow)"}
    # whether Airflow's environment is there is this machine's affair
    assert broken - {"environment .venv-services"} == expected
    assert all(findings[name]["cure"] for name in broken)
    assert "HEALTH_PREDICT_MLFLOW_PORT" in findings[f"port {port} (mlflow)"]["cure"]
    assert findings["secrets file"]["state"] == "ok"
    assert CANARY not in result.output
    assert "Traceback" not in result.output


def test_secrets_that_others_can_read_are_not_used(state: Path) -> None:
    write_services(state, 0o644)
    result = doctor("--stack", "airflow", "--json")
    assert result.exit_code == 5
    assert found(result)["secrets file"]["cure"] == f"chmod 600 {state}/services/secrets.env"
    assert "is not known" in found(result)["artifact store"]["told"]
    assert found(result)["artifact store"]["cure"] == f"mend {state}/services/secrets.env"
    assert CANARY not in result.output


def test_a_port_that_is_none(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEALTH_PREDICT_S3_PORT", "http")
    result = doctor("--stack", "airflow", "--json")
    assert "HEALTH_PREDICT_S3_PORT=http: not a port" in found(result)["ports"]["told"]


def test_a_store_that_is_gone(state: Path) -> None:
    (state / "zenml").mkdir(parents=True)
    config = f"store: {{type: sql, url: 'sqlite:///{state}/zenml/zenml.db'}}\n"
    (state / "zenml" / "config.yaml").write_text(config)
    result = doctor("--json")
    assert result.exit_code == 5
    assert found(result)["ZenML store"]["told"] == f"{state}/zenml/zenml.db is gone"
    assert found(result)["stack"]["told"] == "not compared with its file: the store cannot be asked"
    assert not (state / "zenml" / "zenml.db").exists()


def test_a_state_folder_that_cannot_be_written(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEALTH_PREDICT_STATE", "/proc/self/state")
    result = doctor("--json")
    assert result.exit_code == 5
    assert found(result)["state folder"]["cure"] == "set HEALTH_PREDICT_STATE to one of yours"


def test_data_in_object_storage_are_asked_for(state: Path, s3: boto3.client, monkeypatch: pytest.MonkeyPatch) -> None:
    s3.put_object(Bucket="hospital", Key="in.csv", Body=b"x" * 200_000)
    monkeypatch.setenv("HEALTH_PREDICT_DATA", "s3://hospital/in.csv")
    assert found(doctor("--json"))["data"]["told"] == "s3://hospital/in.csv, 0.2 MB"
    monkeypatch.setenv("HEALTH_PREDICT_DATA", "s3://hospital/absent.csv")
    absent = doctor("--json")
    assert absent.exit_code == 5
    assert found(absent)["data"]["cure"] == "check bucket and key"


def test_a_stack_that_does_not_exist_and_an_option_too_much(state: Path) -> None:
    unknown = doctor("--stack", "airflw")
    assert (unknown.exit_code, unknown.stdout) == (2, "")
    assert "there is no stack 'airflw'; did you mean 'airflow'?" in unknown.stderr
    assert doctor("--data", "x.csv").exit_code == 2
    assert doctor("--status").exit_code == 2
