"""One ZenML store for all tests of this folder, applied once: importing ZenML and making a store takes ten seconds."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from stacks.apply import apply_stack
from stacks.environment import PREPARED_FOR, prepare
from tests.stacks.own_store import FOREIGN, Store, forget_clients


@pytest.fixture
def clean_environ(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """A process that nobody prepared, with a state folder of its own."""
    before = dict(os.environ)
    for name in before:
        if name.startswith(("ZENML_", "MLFLOW_", "HEALTH_PREDICT_")):
            del os.environ[name]
    os.environ["HEALTH_PREDICT_STATE"] = str(tmp_path / "state")
    yield tmp_path / "state"
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(scope="package")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """The `local` stack applied to a new store, by a user who has a ZenML store of another project."""
    before = dict(os.environ)
    state, home = tmp_path_factory.mktemp("state"), tmp_path_factory.mktemp("home")
    for name, content in FOREIGN.items():
        (home / name).parent.mkdir(parents=True)
        (home / name).write_text(content)
    for name in ("ZENML_CONFIG_PATH", "ZENML_STORE_URL", PREPARED_FOR):
        os.environ.pop(name, None)
    # ZenML asks uv for the packages of a run, which would keep its cache in the home folder
    os.environ.update(HEALTH_PREDICT_STATE=str(state), HOME=str(home), UV_CACHE_DIR=str(state / "uv"))
    prepare()
    forget_clients()
    yield Store(state, home, apply_stack("local", activate=True))
    os.environ.clear()
    os.environ.update(before)
    forget_clients()
