"""The same short story of monitoring, told undisturbed or with a kill before, within and after everything it writes.

The steps of the monitoring pipeline are called one after the other without ZenML, which keeps nothing that they go on
from; retrains and recalibrations are run by ZenML. Evidently is asked once for the same input.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar

import numpy as np
import pandas as pd
import pytest

from adapters import batch_checking
from adapters.mlflow_connection import MlflowConnection
from adapters.monitoring_store import BATCHES, MonitoringStore
from configs.loading import load
from configs.train import TrainConfig
from driver import console, deploy, monitor, monitor_action
from health_predict.columns import TARGET_COLUMN
from health_predict.monitoring.batches import batch_id
from steps.monitoring import decide_batch as deciding
from steps.monitoring.check_batch import check_batch
from steps.monitoring.score_batch import score_batch
from steps.monitoring.take_batch import take_batch
from tests.pipelines.monitored import Monitored
from tests.pipelines.renewals import SMALL

JUDGES = 500
MLFLOW_WRITES = ("create_run", "log_batch", "set_terminated")
# the arguments of one command a batch; the rest of the stream, which is too small to judge, is the last one
STORY = ((), (), ("--force-retrain",), ("--inject", "label:0.3"), (), ())

T = TypeVar("T")


class Killed(BaseException):
    """The process died here."""


@dataclass
class Effects:
    """Dies once before and once after each kind of effect, and once within each kind of file, if it is told to."""

    deadly: bool
    killed: list[str] = field(default_factory=list)
    dead: bool = False

    def around(self, kind: str, do: Callable[[], T]) -> T:
        """Do it, unless this is where the process dies."""
        self.die(f"before {kind}")
        result = do()
        self.die(f"after {kind}")
        return result

    def die(self, where: str) -> None:
        """Die here, the first time; what is dead does nothing more."""
        if self.dead or (self.deadly and where not in self.killed):
            self.killed += [] if self.dead else [where]
            self.dead = True
            raise Killed


@dataclass
class FakeEndpoint:
    """Serves what it is told to; the real one has tests of its own."""

    served: str | None = None
    rollouts: list[str] = field(default_factory=list)

    def deploy(self, _config: object, version: str) -> dict[str, Any]:
        self.rollouts.append(version)
        self.served = version
        return {"status": "deployed", "serving": version, "reason": "told to"}


@dataclass(frozen=True)
class Played:
    """What the story left behind, without what differs from one state folder to the next."""

    ledger: list[dict[str, Any]]
    scores: dict[tuple[str, str], pd.DataFrame]
    arrivals: list[Any]
    runs: list[tuple[dict[str, str], dict[str, float], dict[str, str]]]
    versions: dict[str, tuple[str, str, str]]
    goldens: dict[str, Any]
    champions: list[tuple[str, str | None]]
    rollouts: list[str]
    served: str | None
    lines: list[str]


def play(home: Monitored, data: Path, effects: Effects, *, hide_outcomes: bool = False) -> Played:
    """Tell the story on a clean state folder; a command that dies is given again until its batch is settled."""
    endpoint, lines = FakeEndpoint(), []
    with pytest.MonkeyPatch.context() as patch:
        _replace_the_costly(patch, endpoint, effects)
        _watch_effects(patch, effects)
        if hide_outcomes:
            _hide_outcomes(patch)
        for settled, arguments in enumerate(STORY, start=1):
            given = ("--data", str(data), "--set", f"retrain.judges={JUDGES}", *arguments)
            while sum(entry.outcome is not None for entry in home.store.ledger().entries) < settled:
                lines += _command(home, given, effects)
    return _left(home, endpoint, lines)


def _command(home: Monitored, given: tuple[str, ...], effects: Effects) -> list[str]:
    effects.dead = False
    try:
        done = home.command(*given)
    except Killed:
        return []
    assert done.exit_code == 0, done.output
    return [line for line in done.stdout.splitlines() if line.startswith("batch ")]


def _replace_the_costly(patch: pytest.MonkeyPatch, endpoint: FakeEndpoint, effects: Effects) -> None:
    patch.setattr(monitor, "use_stack", lambda _option: "local")
    patch.setattr(console, "quiet_libraries", lambda: None)
    patch.setattr(monitor, "_run", _run_steps)
    patch.setattr(deciding, "get_step_context", lambda: SimpleNamespace(pipeline_run=SimpleNamespace(id="run")))
    patch.setattr(deciding, "monitoring_page", lambda _history: "")
    patch.setattr(batch_checking, "build_reports", _reports_once)
    patch.setattr(monitor_action, "load", _load_small)
    patch.setattr(monitor_action, "_served", lambda: endpoint.served)
    patch.setattr(
        deploy, "run_deployment", lambda *given: effects.around("deployment", lambda: endpoint.deploy(*given))
    )


def _load_small(kind: type, name: str) -> Any:
    return load(kind, name, pairs=SMALL if kind is TrainConfig else ())


def _run_steps(config: Any, options: Any, *, force_retrain: bool, recalibrated: bool) -> None:
    batch = take_batch.entrypoint(config, shift=options.inject)
    check_batch.entrypoint(score_batch.entrypoint(batch), config=config)
    deciding.decide_batch.entrypoint(batch, config=config, force_retrain=force_retrain, recalibrated=recalibrated)


_REPORTS: dict[tuple[Any, ...], Any] = {}
_build_reports = batch_checking.build_reports


def _reports_once(validator: Any, reference: pd.DataFrame, batch: pd.DataFrame, subject: Any, **more: Any) -> Any:
    """The key is all that the reports are made of."""
    matured = more["matured"]
    outcomes = (matured.labelled.y.tobytes(), matured.labelled.probability.tobytes()) if matured else ()
    key = (batch_id(reference), batch_id(batch), subject, more["scores"].probability.tobytes(), outcomes)
    if key not in _REPORTS:
        _REPORTS[key] = _build_reports(validator, reference, batch, subject, **more)
    return _REPORTS[key]


def _watch_effects(patch: pytest.MonkeyPatch, effects: Effects) -> None:
    write, ask, renew, write_page = (
        MonitoringStore._write,
        MlflowConnection.ask,
        monitor_action.renew,
        monitor._write_page,
    )

    def watched_write(store: MonitoringStore, name: str, content: bytes) -> None:
        kind, rename = _kind_of_file(name, content), store.files.rename

        def watched_rename(*given: Any, **more: Any) -> None:
            effects.die(f"within {kind}")  # the file has its temporary name
            rename(*given, **more)

        with pytest.MonkeyPatch.context() as inner:
            inner.setattr(store.files, "rename", watched_rename)
            effects.around(kind, lambda: write(store, name, content))

    def watched_ask(mlflow: MlflowConnection, call: Any, *given: Any, **more: Any) -> Any:
        name = getattr(call, "__name__", "")
        if name not in MLFLOW_WRITES:
            return ask(mlflow, call, *given, **more)
        kind = f"MLflow {name} of {'outcome' if set(more) == {'tags'} else 'check'}"
        return effects.around(kind, lambda: ask(mlflow, call, *given, **more))

    def watched_renew(request: Any, config: Any) -> Any:
        kind = request.trigger.partition(":")[0]
        return effects.around(kind, lambda: renew(request, config))

    patch.setattr(MonitoringStore, "_write", watched_write)
    patch.setattr(MlflowConnection, "ask", watched_ask)
    patch.setattr(monitor_action, "renew", watched_renew)
    patch.setattr(monitor, "_write_page", lambda store: effects.around("page", lambda: write_page(store)))


def _kind_of_file(name: str, content: bytes) -> str:
    folder, _, file = name.removeprefix("monitoring/").rpartition("/")
    if file == "ledger.json":
        last = json.loads(content)["entries"][-1]
        return f"ledger with {len(last['records'])} states{' and outcome' if last['outcome'] else ''}"
    return f"{folder.partition('/')[0]} {file if folder in ('', 'drift_reports') or '.html' in file else ''}".strip()


def _hide_outcomes(patch: pytest.MonkeyPatch) -> None:
    """Turn the outcomes of every batch into their opposite until they have matured, whoever reads them."""
    read = MonitoringStore._frame

    def poisoned(store: MonitoringStore, name: str) -> pd.DataFrame:
        rows = read(store, name)
        if not name.startswith(BATCHES) or _has_matured(store, Path(name).stem):
            return rows
        opposite = np.where(rows[TARGET_COLUMN] == "NO", "<30", "NO")
        return rows.assign(**{TARGET_COLUMN: opposite})

    patch.setattr(MonitoringStore, "_frame", poisoned)


def _has_matured(store: MonitoringStore, batch: str) -> bool:
    """With a delay of one, the outcomes of all batches but the newest; of that one, too, when the next is due."""
    entries = store.ledger().entries
    newest_is_due = entries[-1].outcome is not None
    return batch in [entry.batch for entry in entries[: len(entries) if newest_is_due else -1]]


def _left(home: Monitored, endpoint: FakeEndpoint, lines: list[str]) -> Played:
    entries = home.store.ledger().entries
    versions = home.versions()
    names = ("trigger", "status", "promotion_reason")
    return Played(
        ledger=[_plain(home, {"batch": e.batch, "records": e.records, "outcome": e.outcome}) for e in entries],
        scores={
            (entry.batch, version): scores
            for entry in entries
            for version in versions
            if (scores := home.store.scores(entry.batch, version)) is not None
        },
        arrivals=[home.store.arrival(entry.batch) for entry in entries],
        runs=[_plain(home, (run.data.params, run.data.metrics, _own(run.data.tags))) for run in home.runs()],
        versions={version: tuple(tags.get(name, "") for name in names) for version, tags in versions.items()},
        goldens={version: _golden(home, version) for version in versions},
        champions=[(change.version, change.replaced) for change in home.registry.history()],
        rollouts=endpoint.rollouts,
        served=endpoint.served,
        lines=lines,
    )


def _golden(home: Monitored, version: str) -> Any:
    folder = home.state / "goldens" / version
    return json.loads((home.registry.download_bundle(version, folder) / "golden.json").read_text())


def _own(tags: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in tags.items() if not name.startswith("mlflow.")}


def _plain(home: Monitored, value: Any) -> Any:
    """Leave out ids of runs and the state folder."""
    if isinstance(value, dict):
        return {k: _plain(home, v) for k, v in value.items() if not k.endswith("run_id")}
    if isinstance(value, list | tuple):
        return [_plain(home, v) for v in value]
    return value.replace(str(home.state), "STATE") if isinstance(value, str) else value
