"""MLflow experiments of a tracker on SQLite, made before their first run: else MLflow writes artifacts to ./mlruns."""

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from health_predict.errors import InfrastructureError, InputError
from stacks.stack_file import StackFile

if TYPE_CHECKING:
    from mlflow import MlflowClient

_PREFIX = "sqlite:///"


def missing_experiments(stack: StackFile) -> dict[str, str]:
    """The experiments of the file (name to artifact folder) that the tracking database does not have; changes nothing.

    Raises InputError when the tracker is not on SQLite, or an experiment keeps its artifacts elsewhere.
    """
    if not stack.experiments:
        return {}
    database = _database(stack)
    present = _present(database)
    for name, folder in stack.experiments.items():
        location = present.get(name, folder)
        if location != folder:
            raise InputError(
                f"{stack.where('mlflow_experiments', name)}: {database} keeps its artifacts in {location}; was the "
                "state folder moved or copied? Put it back, or start anew with `make clean`"
            )
    return {name: folder for name, folder in stack.experiments.items() if name not in present}


def create_experiments(stack: StackFile, missing: Mapping[str, str]) -> list[str]:
    """Create (or restore) these experiments; returns what was done, in words.

    Raises InfrastructureError when the database or a folder cannot be written.
    """
    if not missing:
        return []
    database = _database(stack)
    from mlflow import MlflowClient  # five seconds: only where something is to be created

    try:
        database.parent.mkdir(parents=True, exist_ok=True)
        client = MlflowClient(f"{_PREFIX}{database}")
        return [_create(client, name, folder) for name, folder in missing.items()]
    except Exception as error:  # MLflow, SQLAlchemy and the file system each raise their own
        why = str(error).strip().splitlines()[0]
        raise InfrastructureError(f"the MLflow database {database} cannot be written: {why}") from error


def _create(client: "MlflowClient", name: str, folder: str) -> str:
    deleted = client.get_experiment_by_name(name)
    if deleted is not None:
        client.restore_experiment(deleted.experiment_id)
        return f"restored MLflow experiment {name}"
    client.create_experiment(name, artifact_location=folder)
    return f"created MLflow experiment {name}"


def _database(stack: StackFile) -> Path:
    uris = [c.configuration.get("tracking_uri") for c in stack.components if c.type == "experiment_tracker"]
    uri = uris[0] if uris else None
    if not (isinstance(uri, str) and uri.startswith(_PREFIX)):
        raise InputError(
            f"{stack.where('mlflow_experiments')}: needs an experiment tracker with tracking_uri sqlite:///..."
        )
    return Path(uri.removeprefix(_PREFIX))


def _present(database: Path) -> dict[str, str]:
    """Active experiments and their artifact folders, read without MLflow: that import alone takes five seconds."""
    if not database.is_file():
        return {}
    query = "SELECT name, artifact_location FROM experiments WHERE lifecycle_stage = 'active'"
    try:
        with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as connection:
            return dict(connection.execute(query).fetchall())
    except sqlite3.OperationalError:  # tables not made yet
        return {}
    except sqlite3.DatabaseError as error:
        raise InfrastructureError(f"the MLflow database {database} is damaged: {error}") from error
