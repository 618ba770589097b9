"""Rotating the secrets of real services: also one that was broken off after PostgreSQL had its new password."""

import stat
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import requests

from stacks.value_file import read_secret_values
from tests.stack.installation import Installation, let_postgres_pass

pytestmark = pytest.mark.stack
BROKEN_OFF = """
from infra.processes import rotation
from infra.processes.place import Place
from infra.service_secrets import load_secrets
from infra.service_settings import read_settings
settings = read_settings()
rotation.adopt_drawn = lambda _: exit(9)  # killed before the file is replaced
rotation.rotate(Place(settings, load_secrets(settings.secrets)), print)
"""


@pytest.fixture(scope="module")
def rotated(s3, real_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Installation, dict, dict]]:
    """Services whose secrets were rotated, the second time to the end, with the old secrets and the new ones."""
    own = Installation(tmp_path_factory.mktemp("rotation") / "state", s3.url, real_path)
    let_postgres_pass(own.state.parent)
    try:
        up = own.services("up")
        assert up.code == 0, up.output + up.errors
        old = read_secret_values(secrets_of(own))
        broken = own.python("-c", BROKEN_OFF)
        assert broken.code == 9, broken.output + broken.errors
        assert read_secret_values(secrets_of(own)) == old
        again = own.services("rotate")
        assert again.code == 0, again.output + again.errors
        assert not [value for value in old.values() if value in again.output]
        yield own, old, read_secret_values(secrets_of(own))
    finally:
        own.services("down")


def secrets_of(installation: Installation) -> Path:
    return installation.state / "services" / "secrets.env"


def test_every_secret_is_new_but_the_keys_of_an_s3_elsewhere(rotated) -> None:
    installation, old, new = rotated
    assert {name for name in old if old[name] == new[name]} == {"S3_ACCESS_KEY", "S3_SECRET_KEY"}
    assert stat.S_IMODE(secrets_of(installation).stat().st_mode) == 0o600
    assert list(secrets_of(installation).parent.glob("secrets.env?*")) == []


def test_old_passwords_are_refused_and_new_ones_work(rotated) -> None:
    installation, *both = rotated
    ports = {name: f"http://127.0.0.1:{installation.ports[name]}" for name in ("MLFLOW", "AIRFLOW")}
    search = f"{ports['MLFLOW']}/api/2.0/mlflow/experiments/search?max_results=1"
    mlflow = [requests.get(search, auth=("admin", s["MLFLOW_ADMIN_PASSWORD"]), timeout=20).status_code for s in both]
    assert mlflow == [401, 200]
    logins = [{"username": "admin", "password": s["AIRFLOW_ADMIN_PASSWORD"]} for s in both]
    token = f"{ports['AIRFLOW']}/auth/token"
    assert [requests.post(token, json=one, timeout=20).status_code for one in logins] == [401, 201]
    place = {"host": "127.0.0.1", "port": installation.ports["POSTGRES"], "user": "postgres", "dbname": "postgres"}
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(**place, password=both[0]["POSTGRES_PASSWORD"])
    psycopg.connect(**place, password=both[1]["POSTGRES_PASSWORD"]).close()


def test_no_file_that_the_services_read_holds_an_old_secret(rotated) -> None:
    installation, old, new = rotated
    services = secrets_of(installation).parent
    files = [path for folder in ("run", "airflow") for path in (services / folder).rglob("*") if path.is_file()]
    gone = [value.encode() for name, value in old.items() if value != new[name]]
    assert len(files) > 3
    assert [path for path in files for value in gone if value in path.read_bytes()] == []


def test_the_stack_works_with_them(rotated) -> None:
    installation, *_ = rotated
    done = installation.run("--status")
    assert done.code == 0, done.errors
    assert installation.services("status").code == 0
