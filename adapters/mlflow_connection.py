"""How MLflow is asked: with patience while it does not answer, and with one clear line when it does not come back."""

import logging
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ParamSpec, TypeVar

import mlflow
import requests
from botocore.exceptions import BotoCoreError, ClientError
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from sqlalchemy.exc import SQLAlchemyError
from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_random_exponential

from health_predict.errors import InfrastructureError, InputError

ANSWERS = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")  # MLflow answered: there is no such thing
FAILURES = (MlflowException, OSError, SQLAlchemyError, ImportError, BotoCoreError, ClientError)
CURE = "check that it runs and lets us in: python run.py --doctor"

# MLflow alone would retry for minutes before the retries below get a word in, and draw progress bars.
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
logging.getLogger("mlflow.store").setLevel(logging.CRITICAL)  # a failing database is told here, in one line

P = ParamSpec("P")
T = TypeVar("T")


class NotThereError(InputError):
    """MLflow answered that what was asked for does not exist; most callers know what that means and say it."""


@dataclass(frozen=True)
class MlflowConnection:
    """MLflow at `tracking_uri` (None: where it is configured to look), asked again for up to `patience` seconds.

    A `tracking_uri` given here also becomes MLflow's own, since MLflow looks models:/ URIs up there.
    """

    tracking_uri: str | None = None
    patience: float = 20.0

    def ask(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what the call returns; NotThereError if that does not exist, InfrastructureError if MLflow fails."""
        patiently = Retrying(
            retry=retry_if_exception(_is_transient),
            stop=stop_after_delay(self.patience),
            wait=wait_random_exponential(multiplier=0.2, max=3),
            reraise=True,
        )
        try:
            return patiently(call, *args, **kwargs)
        except FAILURES as error:
            if isinstance(error, MlflowException) and error.error_code in ANSWERS:
                nothing = f"MLflow at {self.shown} has nothing of this name ({error.error_code})"
                raise NotThereError(f"{nothing}; see what there is with `make mlflow-ui`") from None
            problem = _in_a_word(error)
        # outside the except block: MLflow's own messages may quote the URI with its password
        raise InfrastructureError(f"MLflow at {self.shown} failed ({problem}); {CURE}")

    @cached_property
    def client(self) -> MlflowClient:
        """The client, made at first use."""
        if self.tracking_uri is not None:
            mlflow.set_tracking_uri(self.tracking_uri)
        uri = mlflow.get_tracking_uri()
        try:
            return self.ask(MlflowClient, tracking_uri=uri, registry_uri=uri)
        except NotThereError:
            raise InfrastructureError(f"MLflow cannot use {self.shown}; set a sqlite: or http: tracking URI") from None

    @property
    def shown(self) -> str:
        """The tracking URI without credentials, for messages."""
        uri = self.tracking_uri or mlflow.get_tracking_uri()
        return re.sub(r"^(?!sqlite|file)([\w.+-]+://).*@", r"\1", uri).partition("?")[0]


def _is_transient(error: BaseException) -> bool:
    if isinstance(error, MlflowException):
        status: Any = error.get_http_status_code()
        return bool(status >= 500 or status == 429)
    return isinstance(error, ConnectionError | TimeoutError | requests.ConnectionError | requests.Timeout)


def _in_a_word(error: Exception) -> str:
    if isinstance(error, MlflowException):
        return str(error.error_code)
    return str(getattr(error, "strerror", None) or type(error).__name__)
