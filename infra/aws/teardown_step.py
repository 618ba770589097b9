"""One step of a teardown, the account that it works in, and how a program is run for it."""

import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from health_predict.errors import InfrastructureError
from stacks.value_file import read_values

_CONFIG = Config(connect_timeout=5, read_timeout=60, retries={"max_attempts": 5, "mode": "standard"})
_AGAIN = "then run make destroy again: it goes on where it stopped"


@dataclass(frozen=True)
class Step:
    """What is removed together.

    Attributes:
        look: says what is there, in words, and changes nothing.
        remove: removes it, says what was removed, and does nothing where it is gone.
    """

    name: str
    look: Callable[[], str]
    remove: Callable[[], str]


@dataclass(frozen=True)
class Account:
    """What Terraform made, as make aws-env wrote it."""

    region: str
    bucket: str
    logs_bucket: str
    registry: str
    instance: str
    data_volume: str
    project: str
    environment: str

    @classmethod
    def of_file(cls, file: Path) -> "Account":
        """Read ${STATE}/aws.env; InfrastructureError if it is not there or not whole."""
        if not file.exists():
            raise InfrastructureError(f"{file} is missing, which says what there is to take down; run: make aws-env")
        values = read_values(file)
        names = ("REGION", "BUCKET", "LOGS_BUCKET", "REGISTRY", "INSTANCE_ID", "DATA_VOLUME_ID", "PROJECT_TAG")
        variables = [f"HEALTH_PREDICT_{name}" for name in (*names, "ENVIRONMENT_TAG")]
        missing = [name for name in variables if not values.get(name)]
        if missing:
            raise InfrastructureError(f"{file} lacks {', '.join(missing)}; run: make aws-env")
        return cls(*(values[name] for name in variables))

    def __str__(self) -> str:
        return f"{self.project} {self.environment}"

    def client(self, service: str) -> Any:  # noqa: ANN401 - boto3's, made at run time
        """Return a client of an AWS service, with the credentials of this process."""
        return boto3.client(service, region_name=self.region, config=_CONFIG)


def found(program: str) -> bool:
    """Whether there is such a program; what it alone could have made is not there then."""
    return shutil.which(program) is not None


def asked(command: Sequence[str]) -> str | None:
    """Return what a command printed; None if it failed."""
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)  # noqa: S603 - our own
    return done.stdout if done.returncode == 0 else None


def done(command: Sequence[str]) -> None:
    """Run a command whose output goes to the terminal; InfrastructureError if it fails."""
    code = subprocess.run(command, stdin=subprocess.DEVNULL).returncode  # noqa: S603 - our own
    if code:
        raise InfrastructureError(f"`{' '.join(command)}` ended with {code}, see above; mend it, {_AGAIN}")
