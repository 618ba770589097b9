"""Ports, names and folders of the services, however they are started: infra/services.env, or the environment's own."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from health_predict.errors import InfrastructureError, InputError
from stacks.environment import PROJECT, state_folder
from stacks.value_file import read_values

HOST = "127.0.0.1"
SETTINGS = PROJECT / "infra" / "services.env"


@dataclass(frozen=True)
class ServiceSettings:
    """What the services listen on and are called; `s3_endpoint` is empty unless an S3 service elsewhere is used."""

    postgres_port: int
    s3_port: int
    mlflow_port: int
    airflow_port: int
    zenml_port: int
    jupyter_port: int
    bucket: str
    airflow_user: str
    mlflow_user: str
    s3_endpoint: str
    folder: Path

    @property
    def secrets(self) -> Path:
        """The file of secrets."""
        return self.folder / "secrets.env"

    @property
    def addresses(self) -> Path:
        """The file of what clients need to know, without secrets."""
        return self.folder / "services.env"

    @property
    def dags(self) -> Path:
        """The folder that Airflow reads its DAGs from."""
        return self.folder / "airflow" / "dags"

    @property
    def s3_url(self) -> str:
        """Where S3 answers."""
        return self.s3_endpoint or f"http://{HOST}:{self.s3_port}"

    @property
    def mlflow_url(self) -> str:
        """Where MLflow answers."""
        return f"http://{HOST}:{self.mlflow_port}"

    @property
    def airflow_url(self) -> str:
        """Where Airflow answers."""
        return f"http://{HOST}:{self.airflow_port}"


def read_settings(environment: Mapping[str, str] = os.environ, file: Path = SETTINGS) -> ServiceSettings:
    """Return the settings; InputError names a variable that is no port, or a port that two services share."""
    values = {name: environment.get(name) or value for name, value in read_values(file).items()}
    ports = {name: _port(name, value) for name, value in values.items() if name.endswith("_PORT")}
    taken: dict[int, str] = {}
    for name, port in ports.items():
        if taken.setdefault(port, name) != name:
            raise InputError(f"{name} and {taken[port]} are both {port}; change one of them")
    fields = {name.removeprefix("HEALTH_PREDICT_").lower(): value for name, value in {**values, **ports}.items()}
    endpoint = (environment.get("HEALTH_PREDICT_S3_ENDPOINT") or "").rstrip("/")
    if endpoint == f"http://{HOST}:{ports['HEALTH_PREDICT_S3_PORT']}":  # our own, from a sourced services.env
        endpoint = ""
    return ServiceSettings(**fields, s3_endpoint=endpoint, folder=state_folder() / "services")  # type: ignore[arg-type]


def addresses(settings: ServiceSettings) -> dict[str, str]:
    """What the stack file and clients need to know, by variable."""
    return {
        "HEALTH_PREDICT_S3_ENDPOINT": settings.s3_url,
        "HEALTH_PREDICT_BUCKET": settings.bucket,
        "HEALTH_PREDICT_MLFLOW_URL": settings.mlflow_url,
        "HEALTH_PREDICT_AIRFLOW_URL": settings.airflow_url,
        "HEALTH_PREDICT_AIRFLOW_USER": settings.airflow_user,
        "HEALTH_PREDICT_MLFLOW_USER": settings.mlflow_user,
        "HEALTH_PREDICT_DAGS": str(settings.dags),
    }


def write_addresses(settings: ServiceSettings) -> None:
    """Write the addresses to their file, whole or not at all."""
    draft = settings.addresses.with_name(f"services.env.{os.getpid()}")
    try:
        settings.addresses.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text("".join(f"{name}={value}\n" for name, value in addresses(settings).items()), encoding="utf-8")
        draft.replace(settings.addresses)
    except OSError as error:
        raise InfrastructureError(f"{settings.addresses}: cannot be written: {error.strerror}") from None


def _port(name: str, value: str) -> int:
    if not value.isdecimal() or not 1024 <= int(value) <= 65535:
        raise InputError(f"{name}={value}: not a port from 1024 to 65535")
    return int(value)
