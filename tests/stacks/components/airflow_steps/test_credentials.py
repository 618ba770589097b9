"""What a step's process reads that the DAG must not hold."""

import os

import pytest

from health_predict.errors import InfrastructureError, InputError
from stacks.components.airflow_steps.credentials import FILE, load_credentials


@pytest.fixture
def file(tmp_path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(FILE, str(tmp_path / "zenml.env"))
    monkeypatch.setenv("ZENML_STORE_API_KEY", "")  # restored afterwards
    return tmp_path / "zenml.env"


def test_the_file_becomes_environment(file) -> None:
    file.write_text("# of the server\nZENML_STORE_API_KEY=ZENKEY_a=b\n")
    file.chmod(0o600)
    load_credentials()
    assert os.environ["ZENML_STORE_API_KEY"] == "ZENKEY_a=b"


def test_no_file_is_needed_without_a_server(file, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(FILE)
    load_credentials()
    assert os.environ["ZENML_STORE_API_KEY"] == ""


def test_a_file_for_all_to_read_is_refused(file) -> None:
    file.write_text("ZENML_STORE_API_KEY=c4n4ry\n")
    file.chmod(0o640)
    with pytest.raises(InputError, match="chmod 600") as refused:
        load_credentials()
    assert "c4n4ry" not in str(refused.value)
    assert os.environ["ZENML_STORE_API_KEY"] == ""


def test_a_file_that_is_not_there(file) -> None:
    with pytest.raises(InfrastructureError, match=r"zenml\.env: cannot be read"):
        load_credentials()
