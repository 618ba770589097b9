"""Encounters that a version learnt from, for reports on a file: those of the stream if it fits, else read anew."""

import os

import pandas as pd

from adapters.batch_checking import REPORT_ROWS, reference_rows
from adapters.champion_scoring import manifest_of
from adapters.data_source import locate, open_source
from adapters.mlflow_versions import TRIGGER
from adapters.monitoring_store import MonitoringStore
from adapters.stack_connection import registry_of_stack
from configs.monitor import StreamSettings
from health_predict.errors import InputError
from health_predict.release import Release
from health_predict.splits import split
from stacks.environment import cache_folder


def training_rows(store: MonitoringStore, release: Release, data: str | None, settings: StreamSettings) -> pd.DataFrame:
    """Return a sample of the training window of a version; it is kept, and the ledger is not looked at otherwise.

    Args:
        data: where the file may be that it was trained on; None looks in the documented places.
        settings: how that file was split.

    Raises:
        InputError: the file that is found is another one.
    """
    version, source = release.model_version, store.source()
    known = store.reference_rows(version)
    if known is not None:
        return known
    sha256 = str(manifest_of(release.model_version)["data_sha256"])
    if source is not None and (source.sha256 == sha256 or TRIGGER in registry_of_stack().find(version).tags):
        return reference_rows(store, version)
    rows = _read(data, sha256, version, settings)
    store.keep_reference_rows(version, rows)
    return rows


def _read(data: str | None, sha256: str, version: str, settings: StreamSettings) -> pd.DataFrame:
    raw = open_source(locate(data, os.environ, cache_folder()).uri)
    if raw.sha256 != sha256:
        raise InputError(
            f"{raw.source}: version {version} was trained on another file (SHA-256 {sha256[:12]}...), which reports "
            "compare with; name that one with --data, or compare with a file of your own: --reference"
        )
    parts = split(raw.frame, seed=settings.seed, protocol=settings.protocol)
    window = pd.concat([parts.train, parts.validation, parts.test], ignore_index=True)
    return window.sample(min(REPORT_ROWS, len(window)), random_state=0, ignore_index=True)
