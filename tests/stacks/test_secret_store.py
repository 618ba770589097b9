import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import yaml

from health_predict.errors import InfrastructureError, InputError
from infra.service_secrets import write_private
from stacks.apply import apply_stack
from stacks.stack_file import STACKS
from tests.stacks.own_store import Store

LOCAL = yaml.safe_load((STACKS / "local.yaml").read_text())["components"]
KEPT = "hp_test_secrets"


@pytest.fixture
def secret(store: Store) -> Iterator[str]:
    """The name of a ZenML secret that is not there, before and after."""
    from zenml.client import Client

    yield KEPT
    for found in Client().list_secrets(name=KEPT):
        Client().delete_secret(found.id)


def _stack(folder: Path, values: str, *, password: str = "{{" + KEPT + ".PASSWORD}}") -> Path:
    write_private(folder / "secrets.env", values)
    tracker = {"tracking_uri": "http://127.0.0.1:1", "tracking_username": "admin", "tracking_password": password}
    components = {kind: LOCAL[kind] for kind in ("orchestrator", "artifact_store")}
    components["experiment_tracker"] = {"name": "with_login", "flavor": "mlflow", "configuration": tracker}
    content = {"components": components, "secrets": {KEPT: str(folder / "secrets.env")}}
    (folder / "login.yaml").write_text(yaml.safe_dump(content))
    return folder


def test_what_is_referred_to_is_kept_updated_and_never_told(store: Store, secret: str, tmp_path: Path) -> None:
    from zenml.client import Client

    first = apply_stack("login", activate=False, folder=_stack(tmp_path, "PASSWORD=hunter22\nUNUSED=other33\n"))
    assert f"created secret {secret}" in first.changes
    assert Client().get_secret(secret).secret_values == {"PASSWORD": "hunter22"}
    assert apply_stack("login", activate=False, folder=tmp_path).changes == ()
    rotated = apply_stack("login", activate=False, folder=_stack(tmp_path, "PASSWORD=swordfish\nUNUSED=other33\n"))
    assert rotated.changes == (f"updated secret {secret}",)
    assert Client().get_secret(secret).secret_values == {"PASSWORD": "swordfish"}
    assert not any(value in first.reason + rotated.reason for value in ("hunter22", "swordfish", "other33"))
    database = store.state / "zenml" / "local_stores" / "default_zen_store" / "zenml.db"
    with closing(sqlite3.connect(database)) as connection:
        stored = str(connection.execute("SELECT configuration FROM stack_component").fetchall())
    assert "swordfish" not in stored
    assert (store.state / "zenml").stat().st_mode & 0o077 == 0


def test_a_stack_with_a_login_gives_it_to_mlflow(store: Store, secret: str, tmp_path: Path, monkeypatch) -> None:
    import mlflow

    from adapters.stack_connection import tracking_uri_of_stack

    before = mlflow.get_tracking_uri()
    for name in ("URI", "USERNAME", "PASSWORD", "INSECURE_TLS"):
        monkeypatch.setenv(f"MLFLOW_TRACKING_{name}", "")
    applied = apply_stack("login", activate=False, folder=_stack(tmp_path, "PASSWORD=hunter22\n"))
    monkeypatch.setenv("ZENML_ACTIVE_STACK_ID", str(applied.id))
    try:
        assert tracking_uri_of_stack() == "http://127.0.0.1:1"
        assert mlflow.utils.credentials.read_mlflow_creds() == ("admin", "hunter22")
    finally:
        mlflow.set_tracking_uri(before)


@pytest.mark.parametrize(
    ("values", "mode", "message"),
    [
        ("PASSWORT=hunter22\n", 0o600, "secrets.env has no PASSWORD; did you mean 'PASSWORT'?"),
        ("PASSWORD=\n", 0o600, "PASSWORD is empty; give it a value"),
        ("PASSWORD=hunter22\n", 0o644, "others can read it; run: chmod 600 "),
    ],
)
def test_a_fault_is_told_before_anything_changes(
    store: Store, secret: str, tmp_path: Path, values: str, mode: int, message: str
) -> None:
    from zenml.client import Client

    folder = _stack(tmp_path, values)
    (folder / "secrets.env").chmod(mode)
    with pytest.raises(InputError) as caught:
        apply_stack("login", activate=False, folder=folder)
    assert message in str(caught.value)
    assert "hunter22" not in str(caught.value)
    assert not Client().list_secrets(name=secret)


def test_a_file_that_is_not_there_names_what_makes_it(store: Store, secret: str, tmp_path: Path) -> None:
    folder = _stack(tmp_path, "PASSWORD=hunter22\n")
    (folder / "secrets.env").unlink()
    with pytest.raises(InfrastructureError, match=r"secrets\.env is not there; run: make services-up"):
        apply_stack("login", activate=False, folder=folder)


def test_a_reference_to_a_secret_that_nobody_keeps_is_one_line(store: Store, secret: str, tmp_path: Path) -> None:
    folder = _stack(tmp_path, "PASSWORD=hunter22\n", password="{{nobody_keeps.PASSWORD}}")  # noqa: S106 - a reference
    with pytest.raises(InputError, match=r"experiment_tracker.*nobody_keeps does not exist.*zenml secret create"):
        apply_stack("login", activate=False, folder=folder)
