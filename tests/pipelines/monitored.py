"""A state folder of its own with a small champion, and a short stream cut from the real file to monitor with it."""

import json
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd
from click.testing import CliRunner, Result
from mlflow import MlflowClient
from mlflow.entities import Run

from adapters.mlflow_monitoring import EXPERIMENT
from adapters.mlflow_registry import Registry
from adapters.monitoring_store import MonitoringStore
from health_predict.model import TrainedModel
from health_predict.splits import arrival_order
from tests.pipelines.champions import register_champion
from tests.pipelines.own_stack import local_stack

BATCH = 400  # encounters; the stream below has five such batches and a rest that is too small to judge
EVERY = 36  # of the real file's encounters

T = TypeVar("T")


def unnested(call: Callable[[], T]) -> T:
    """Call in a thread of its own, where calls are not nested as deeply as in a test.

    Python 3.11 takes and gives back memory at each call that ends a block of its stack: a third of the time here.
    """
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(call).result()


def cut(raw: pd.DataFrame, file: Path) -> Path:
    """Write some encounters of the real file, in arrival order."""
    arrival_order(raw).iloc[::EVERY].to_csv(file, index=False, na_rep="?")
    return file


@dataclass(frozen=True)
class Monitored:
    """What a command line leaves behind in a state folder."""

    state: Path
    registry: Registry
    store: MonitoringStore

    @property
    def ledger_text(self) -> str | None:
        """The ledger as it lies there; None before the first batch."""
        file = Path(self.store.files.path) / "monitoring" / "ledger.json"
        return file.read_text() if file.exists() else None

    def command(self, *arguments: str) -> Result:
        """Monitor in this process, as run.py does."""
        from run import main

        given = ["--pipeline", "monitor", "--batch-size", str(BATCH), *arguments]
        return unnested(lambda: CliRunner().invoke(main, given, catch_exceptions=False))

    def status(self) -> dict[str, Any]:
        """Return what `--status --json` says of monitoring."""
        from run import main

        shown: dict[str, Any] = json.loads(CliRunner().invoke(main, ["--status", "--json"]).stdout)
        return shown["monitoring"]

    def runs(self) -> list[Run]:
        """Return the runs of the monitoring experiment, in the order of their batches."""
        client = MlflowClient(self.registry.tracking_uri)
        found = client.search_runs([client.get_experiment_by_name(EXPERIMENT).experiment_id])
        return sorted(found, key=lambda run: run.data.tags["batch_index"])

    def versions(self) -> dict[str, Mapping[str, str]]:
        """Return the tags of every version, oldest first."""
        client = MlflowClient(self.registry.tracking_uri, self.registry.tracking_uri)
        found = client.search_model_versions(f"name = '{self.registry.name}'")
        return {str(v.version): v.tags for v in sorted(found, key=lambda v: int(v.version))}


@contextmanager
def monitored(state: Path, model: TrainedModel) -> Iterator[Monitored]:
    """Set up the local stack and make the model its champion, version 1."""
    with local_stack(state) as registry:
        unnested(lambda: register_champion(registry, model, state / "champion"))
        yield Monitored(state, registry, MonitoringStore.of_stack())
