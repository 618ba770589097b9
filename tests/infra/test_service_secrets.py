import base64
import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from health_predict.errors import InfrastructureError, InputError
from infra import service_secrets
from infra.service_secrets import adopt_drawn, draw_anew, load_secrets, prepare_secrets, write_private
from infra.service_settings import ServiceSettings, read_settings
from stacks.stack_file import PROJECT

GIVEN = {"AWS_ACCESS_KEY_ID": "AKIAMINE", "AWS_SECRET_ACCESS_KEY": "theirs+/0123456789=="}


@pytest.fixture
def settings(tmp_path: Path, monkeypatch) -> ServiceSettings:
    monkeypatch.setenv("HEALTH_PREDICT_STATE", str(tmp_path))
    return read_settings({})


def _with(settings: ServiceSettings, name: str, value: str) -> Path:
    values = {**prepare_secrets(settings, {}), name: value}
    write_private(settings.secrets, "".join(f"{key}={text}\n" for key, text in values.items()))
    return settings.secrets


def test_drawn_once_for_their_owner_alone(settings: ServiceSettings) -> None:
    first = prepare_secrets(settings, {})
    assert stat.S_IMODE(settings.secrets.stat().st_mode) == 0o600
    assert prepare_secrets(settings, {}) == first
    assert len(set(first.values())) == len(first) == 13
    assert len(base64.urlsafe_b64decode(first["AIRFLOW_FERNET_KEY"])) == 32
    assert [file.name for file in settings.folder.iterdir()] == ["secrets.env"]


def test_two_installations_share_no_secret(settings: ServiceSettings, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("HEALTH_PREDICT_STATE", str(tmp_path / "other"))
    assert not set(prepare_secrets(settings, {}).values()) & set(prepare_secrets(read_settings({}), {}).values())


def test_private_before_the_first_byte_whatever_the_umask(tmp_path: Path, monkeypatch) -> None:
    modes = []
    real = os.fdopen

    def watched(descriptor: int, *arguments: str, **options: str):
        modes.append(stat.S_IMODE(os.fstat(descriptor).st_mode))
        return real(descriptor, *arguments, **options)

    monkeypatch.setattr(service_secrets.os, "fdopen", watched)
    before = os.umask(0)
    try:
        write_private(tmp_path / "new", "x")
    finally:
        os.umask(before)
    assert modes == [0o600]


def test_of_many_that_start_at_once_all_read_the_same(settings: ServiceSettings) -> None:
    program = "from infra.service_secrets import *; from infra.service_settings import *; "
    program += "print(hash(tuple(prepare_secrets(read_settings({}), {}).values())))"
    command = [sys.executable, "-c", program]
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    with ThreadPoolExecutor(4) as pool:
        started = pool.map(lambda _: subprocess.check_output(command, env=environment, cwd=PROJECT), range(4))
        assert len(set(started)) == 1


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("POSTGRES_PASSWORD", "", "POSTGRES_PASSWORD is empty"),
        ("POSTGRES_PASSWORD", "postgres", "POSTGRES_PASSWORD is a known default; put a random one there"),
        ("MLFLOW_ADMIN_PASSWORD", "password1234", "MLFLOW_ADMIN_PASSWORD is a known default"),
        ("S3_SECRET_KEY", "minioadmin", "S3_SECRET_KEY is a known default"),
        ("AIRFLOW_ADMIN_PASSWORD", "Airflow", "AIRFLOW_ADMIN_PASSWORD is a known default"),
        ("AIRFLOW_JWT_SECRET", "k3Yx9" * 4, "AIRFLOW_JWT_SECRET is too weak, it needs 32 random characters"),
        ("AIRFLOW_JWT_SECRET", "a" * 64, "AIRFLOW_JWT_SECRET is too weak"),
        ("AIRFLOW_FERNET_KEY", "k3Yx9Qa7Zp" * 5, "AIRFLOW_FERNET_KEY is not a Fernet key"),
    ],
)
def test_a_weak_secret_is_refused_by_name_and_without_its_value(
    settings: ServiceSettings, name: str, value: str, message: str
) -> None:
    file = _with(settings, name, value)
    with pytest.raises(InputError) as caught:
        load_secrets(file)
    assert str(caught.value).startswith(f"{file}: {message}")
    assert "\n" not in str(caught.value)
    assert len(value) < 16 or value not in str(caught.value)


def test_a_missing_secret_is_named(settings: ServiceSettings) -> None:
    lines = [f"{key}={value}" for key, value in prepare_secrets(settings, {}).items() if key != "JUPYTER_TOKEN"]
    write_private(settings.secrets, "\n".join(lines))
    with pytest.raises(InputError, match="JUPYTER_TOKEN is missing; put a random one there: JUPYTER_TOKEN="):
        load_secrets(settings.secrets)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_file_that_others_reach_is_refused(settings: ServiceSettings, mode: int) -> None:
    prepare_secrets(settings, {})
    settings.secrets.chmod(mode)
    with pytest.raises(InputError, match=r"others can read it; run: chmod 600 .*secrets\.env"):
        load_secrets(settings.secrets)


def test_no_file_names_the_command_that_makes_it(settings: ServiceSettings) -> None:
    with pytest.raises(InfrastructureError, match="make services-up"):
        load_secrets(settings.secrets)


def test_a_broken_line_is_named_by_its_number(settings: ServiceSettings) -> None:
    settings.folder.mkdir()
    write_private(settings.secrets, "A=1\nsomething secret\n")
    with pytest.raises(InputError, match=r"secrets\.env line 2: expected KEY=VALUE$"):
        load_secrets(settings.secrets)


def test_keys_of_an_s3_service_elsewhere_are_taken(settings: ServiceSettings) -> None:
    elsewhere = read_settings({"HEALTH_PREDICT_S3_ENDPOINT": "https://s3.example/"})
    with pytest.raises(InputError, match="AWS_ACCESS_KEY_ID is not set"):
        prepare_secrets(elsewhere, {})
    drawn = prepare_secrets(elsewhere, GIVEN)
    assert (elsewhere.s3_url, drawn["S3_ACCESS_KEY"]) == ("https://s3.example", "AKIAMINE")
    assert drawn["S3_SECRET_KEY"] == GIVEN["AWS_SECRET_ACCESS_KEY"]


def test_our_own_endpoint_in_the_environment_is_not_elsewhere(settings: ServiceSettings) -> None:
    environment = {"HEALTH_PREDICT_S3_PORT": "9100", "HEALTH_PREDICT_S3_ENDPOINT": "http://127.0.0.1:9100"}
    assert not read_settings(environment).s3_endpoint


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"HEALTH_PREDICT_MLFLOW_PORT": "five"}, "HEALTH_PREDICT_MLFLOW_PORT=five: not a port"),
        ({"HEALTH_PREDICT_MLFLOW_PORT": "80"}, "HEALTH_PREDICT_MLFLOW_PORT=80: not a port from 1024"),
        (
            {"HEALTH_PREDICT_MLFLOW_PORT": "8080"},
            "HEALTH_PREDICT_AIRFLOW_PORT and HEALTH_PREDICT_MLFLOW_PORT are both 8080",
        ),
    ],
)
def test_wrong_settings_are_named(environment: dict[str, str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_settings(environment)


def test_drawing_anew_goes_on_with_what_was_drawn_until_it_is_adopted(settings: ServiceSettings) -> None:
    old = prepare_secrets(settings, {})
    drawn = draw_anew(settings.secrets, {"S3_ACCESS_KEY": old["S3_ACCESS_KEY"]})
    assert [name for name in old if drawn[name] == old[name]] == ["S3_ACCESS_KEY"]
    assert load_secrets(settings.secrets) == old
    assert draw_anew(settings.secrets, {}) == drawn  # broken off, and repeated
    adopt_drawn(settings.secrets)
    assert load_secrets(settings.secrets) == drawn
    assert [path.name for path in settings.secrets.parent.iterdir()] == [settings.secrets.name]
    assert settings.secrets.stat().st_mode & 0o777 == 0o600
