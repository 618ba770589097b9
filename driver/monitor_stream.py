"""Where the monitored encounters come from: found at the first batch, the same ever after."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click
import pandas as pd
from filelock import FileLock, Timeout

from adapters.data_source import locate, open_source
from adapters.mlflow_registry import MODEL_NAME
from adapters.stack_connection import registry_of_stack
from configs.monitor import MonitorConfig
from driver.provenance import say_if_synthetic
from health_predict.columns import TARGET_COLUMN
from health_predict.errors import InfrastructureError, InputError
from health_predict.release import Release
from health_predict.splits import split
from stacks.environment import cache_folder, state_folder

if TYPE_CHECKING:
    from adapters.mlflow_versions import RegisteredVersion
    from adapters.monitoring_store import MonitoringStore, Source
    from health_predict.reading import RawData


@contextmanager
def alone() -> Iterator[None]:
    """Keep other commands from going through the stream meanwhile; a killed command lets go of it.

    Raises:
        InfrastructureError: another command goes through it.
    """
    path = state_folder() / "locks" / "monitoring.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise InfrastructureError(f"another command is monitoring ({path} is held); let it finish") from None
    try:
        yield
    finally:
        lock.release()


def begin(store: "MonitoringStore", config: MonitorConfig, data: str | None, *, dry_run: bool) -> None:
    """Keep initial and future encounters in the store, once.

    Raises:
        InputError: there is no champion or it has no reference, it was trained on data of another kind, the data have
            no outcomes, or the stream began otherwise.
    """
    champion = _champion()
    source = store.source()
    if source is not None:
        _check_begun(source, config, champion)
    if source is not None and data is None:
        _announce(source.provenance, f"goes on with the file of SHA-256 {source.sha256[:12]}...")
        _check_kind("the stream", source.provenance, champion)
        return
    found = locate(data, os.environ, cache_folder())
    raw = open_source(found.uri)
    _announce(raw.provenance, f"{raw.source}, from {found.how}, {len(raw.frame):,} encounters")
    _check_file(raw, source)
    _check_kind(raw.source, raw.provenance, champion)
    if source is None and not dry_run:
        _keep(store, config, raw, found.uri, champion.tags["target"])


def has_ended(store: "MonitoringStore") -> bool:
    """Tell whether every encounter of the stream is in a batch."""
    entries = store.ledger().entries
    return bool(entries) and entries[-1].records["seen"]["last"] + 1 >= store.source_or_fail().rows


def _announce(provenance: str, what: str) -> None:
    click.echo(f"monitoring: {what} ({provenance})")
    say_if_synthetic(provenance)


def _champion() -> "RegisteredVersion":
    from adapters.champion_scoring import reference_of

    champion = registry_of_stack().champion()
    if champion is None:
        raise InputError("HealthPredict has no champion to monitor; train one: python run.py --pipeline train")
    reference_of(Release(MODEL_NAME, champion.version, champion.run_id))
    return champion


def _check_begun(source: "Source", config: MonitorConfig, champion: "RegisteredVersion") -> None:
    begun, asked = (source.protocol, source.seed), (config.data.protocol, config.data.seed)
    if begun != asked:
        was = f"monitoring began with data.protocol={begun[0]} and data.seed={begun[1]}"
        raise InputError(f"{was}; set them so again, or set HEALTH_PREDICT_STATE to a new folder")
    target = champion.tags["target"]
    if target != source.target:
        was = f"monitoring began with target {source.target}, but champion version {champion.version} predicts {target}"
        raise InputError(
            f"{was}; go back (python run.py --pipeline rollback), or set HEALTH_PREDICT_STATE to a new folder"
        )


def _check_file(raw: "RawData", source: "Source | None") -> None:
    if source is not None and raw.sha256 != source.sha256:
        begun = f"monitoring began with another file (SHA-256 {source.sha256[:12]}...)"
        raise InputError(f"{raw.source}: {begun}; leave --data out, or set HEALTH_PREDICT_STATE to a new folder")
    if TARGET_COLUMN not in raw.frame.columns:
        raise InputError(
            f"{raw.source}: column '{TARGET_COLUMN}' is missing: outcomes arrive late, but they must; add it"
        )


def _check_kind(what: str, provenance: str, champion: "RegisteredVersion") -> None:
    learnt = champion.tags["provenance"]
    if "synthetic" in (learnt, provenance) and learnt != provenance:
        raise InputError(
            f"{what}: {provenance} data, but the champion (version {champion.version}) learnt from {learnt} "
            "data; train on this file first: python run.py --pipeline train --data ..."
        )


def _keep(store: "MonitoringStore", config: MonitorConfig, raw: "RawData", uri: str, target: str) -> None:
    from adapters.monitoring_store import Source

    parts = split(raw.frame, seed=config.data.seed, protocol=config.data.protocol)
    initial = pd.concat([parts.train, parts.validation, parts.test], ignore_index=True)
    source = Source(uri, raw.sha256, raw.provenance, config.data.protocol, config.data.seed, target, len(parts.future))
    store.begin(source, initial, parts.future)
