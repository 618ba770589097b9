"""The local stack on a clean state folder, for tests that run pipelines in their own process."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import mlflow

from adapters.mlflow_registry import Registry
from stacks.environment import PREPARED_FOR, prepare
from tests.stacks.own_store import forget_clients

_FOREIGN = ("ZENML_CONFIG_PATH", "ZENML_STORE_URL", "MLFLOW_TRACKING_URI", "HEALTH_PREDICT_DATA", PREPARED_FOR)


@contextmanager
def local_stack(state: Path) -> Iterator[Registry]:
    """Apply the stack and activate it; yield its empty model registry."""
    before = dict(os.environ)
    for name in _FOREIGN:
        os.environ.pop(name, None)
    os.environ["HEALTH_PREDICT_STATE"] = str(state)
    prepare()
    forget_clients()
    from stacks.apply import apply_stack

    apply_stack("local", activate=True)
    yield Registry(state / "locks", f"sqlite:///{state}/mlflow/mlflow.db")
    os.environ.clear()
    os.environ.update(before)
    forget_clients()
    mlflow.set_tracking_uri(None)
