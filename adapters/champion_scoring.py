"""What monitoring needs of a registered version: its scores of a batch, each made once, its reference, its manifest."""

import json
import tempfile
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from adapters.mlflow_registry import BUNDLE, REFERENCE
from adapters.monitoring_store import MonitoringStore
from adapters.release_fetching import fetch_release
from adapters.stack_connection import registry_of_stack
from health_predict.columns import ENCOUNTER
from health_predict.monitoring.reference import Reference
from health_predict.monitoring.reference_files import load_reference
from health_predict.release import Release
from health_predict.scorer import MANIFEST, load_scorer


def scores_of(store: MonitoringStore, batch: str, release: Release) -> pd.DataFrame:
    """Return encounter, raw score and probability of every row of a batch; scored now if this version never did."""
    known = store.scores(batch, release.model_version)
    if known is not None:
        return known
    with tempfile.TemporaryDirectory() as folder:
        scorer = load_scorer(fetch_release(release, Path(folder)))
    rows = store.batch(batch)
    raw = scorer.raw_scores_of_table(pa.Table.from_pandas(rows, preserve_index=False))
    scores = pd.DataFrame({ENCOUNTER: rows[ENCOUNTER], "raw": raw, "probability": scorer.calibration.apply(raw)})
    store.keep_scores(batch, release.model_version, scores)
    return scores


def reference_of(release: Release) -> Reference:
    """Return what a version is watched by; InputError if it came without."""
    with tempfile.TemporaryDirectory() as folder:
        return load_reference(registry_of_stack().download_artifact(release.model_version, REFERENCE, Path(folder)))


def reference_name(version: str) -> str:
    """Name the reference of a version: a recalibrated one is watched by that of the version it was made from."""
    parent = registry_of_stack().find(version).tags.get("recalibrated_from")
    return reference_name(parent) if parent else version


def manifest_of(version: str) -> dict[str, Any]:
    """Return the manifest of a version's bundle."""
    with tempfile.TemporaryDirectory() as folder:
        file = registry_of_stack().download_artifact(version, f"{BUNDLE}/{MANIFEST}", Path(folder))
        manifest: dict[str, Any] = json.loads(file.read_text())
    return manifest
