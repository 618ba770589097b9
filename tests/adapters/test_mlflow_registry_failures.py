"""The registry when MLflow fails: what is retried, and what is told."""

import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import mlflow
import pytest
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import PERMISSION_DENIED, TEMPORARILY_UNAVAILABLE

from adapters.mlflow_connection import MlflowConnection
from adapters.mlflow_registry import Registry
from health_predict.errors import InfrastructureError
from tests.adapters.registries import NOW, add_versions, promote, register, registry, run_id, store

__all__ = ["registry", "run_id", "store"]


# -- when MLflow fails


def fails_first(times, error):
    failures = iter([error] * times)

    def call():
        for failure in failures:
            raise failure
        return "answer"

    return call


@pytest.mark.parametrize(
    "error", [MlflowException("locked", TEMPORARILY_UNAVAILABLE), ConnectionResetError(), MlflowException("?")]
)
def test_a_passing_failure_is_retried(error):
    assert MlflowConnection("sqlite://", patience=5).ask(fails_first(2, error)) == "answer"


@pytest.mark.parametrize("error", [MlflowException("no", PERMISSION_DENIED), PermissionError(13, "Permission denied")])
def test_a_lasting_failure_is_told_at_once(error):
    with pytest.raises(InfrastructureError, match=r"\((PERMISSION_DENIED|Permission denied)\)"):
        MlflowConnection("sqlite://", patience=5).ask(fails_first(1, error))


@pytest.fixture
def broken_server():
    """An MLflow server that always answers 503, and the number of requests it got."""
    requests = Counter()

    class Unavailable(BaseHTTPRequestHandler):
        def do_GET(self):
            requests["got"] += 1
            self.send_response(503)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Unavailable)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1], requests
    server.shutdown()
    server.server_close()


@pytest.fixture
def restored_uri(store):
    yield
    mlflow.set_tracking_uri(store.tracking_uri)


def test_a_server_that_stays_broken_is_told_without_its_password(broken_server, restored_uri, tmp_path, monkeypatch):
    port, requests = broken_server
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    registry = Registry(tmp_path, f"http://someone:secret@127.0.0.1:{port}/mlflow?token=secret", patience=1.5)
    start = time.monotonic()
    with pytest.raises(InfrastructureError) as caught:
        registry.champion()
    assert time.monotonic() - start < 10
    assert requests["got"] > 1
    message = str(caught.value)
    assert message.startswith(f"MLflow at http://127.0.0.1:{port}/mlflow failed (")
    assert message.endswith("python run.py --doctor")
    assert "secret" not in message
    assert "\n" not in message


def test_a_file_that_is_no_store_is_told(restored_uri, tmp_path):
    (tmp_path / "mlflow.db").write_text("this is no database" * 100)
    with pytest.raises(InfrastructureError, match=r"mlflow\.db failed \(DatabaseError\)"):
        Registry(tmp_path, f"sqlite:///{tmp_path}/mlflow.db", patience=0.1).champion()


def test_a_store_of_an_unsupported_kind_is_told(restored_uri, tmp_path):
    with pytest.raises(InfrastructureError, match="set a sqlite: or http: tracking URI"):
        Registry(tmp_path, str(tmp_path / "mlruns"), patience=0.1).champion()


def test_nothing_is_printed(store, registry, run_id, tmp_path, capfd, recwarn):
    register(registry, run_id)
    add_versions(store, registry, 1)
    promote(registry, "1", None)
    promote(registry, "2", "1")
    registry.rollback(NOW, "alarm")
    registry.download_bundle("1", tmp_path)
    assert capfd.readouterr() == ("", "")
    assert [str(warning.message) for warning in recwarn] == []
