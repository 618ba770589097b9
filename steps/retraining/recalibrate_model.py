"""Moves the champion's calibration to the newest encounters whose outcomes arrived, as a run of its own."""

import logging
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import pyarrow as pa
from zenml import step

from adapters.mlflow_registry import BUNDLE, PREPROCESSOR, REFERENCE
from adapters.mlflow_tracking import active_run_id, log_recalibration
from adapters.monitoring_store import MonitoringStore
from adapters.stack_connection import registry_of_stack
from health_predict.columns import PATIENT
from health_predict.monitoring.recalibration import Recalibration, recalibrate
from health_predict.monitoring.reference_files import load_reference, save_reference
from health_predict.monitoring.renewal import RenewalRequest
from health_predict.recalibrated import describe_shift, recalibrate_bundle
from health_predict.scorer import load_scorer
from health_predict.target import readmitted_binary

LOG = logging.getLogger("health_predict.steps")


@step(experiment_tracker=True, enable_cache=False)
def recalibrate_model(request: dict[str, Any]) -> Annotated[dict[str, Any], "model_run"]:
    """Set the intercept on the newest matured batch; nothing else of the model changes."""
    asked = RenewalRequest.from_dict(request)
    champion = registry_of_stack().find(asked.champion)
    newest = asked.matured[-1:]
    (rows,) = MonitoringStore.of_stack().labelled(newest, current=asked.current, delay=asked.delay)
    with tempfile.TemporaryDirectory() as folder:
        old, new = Path(folder) / "old", Path(folder) / "new"
        _download(champion.version, old)
        found = _recalibrate(old, rows)
        now = datetime.now(UTC).isoformat(timespec="seconds")
        run = {"run_id": active_run_id(), "created_at": now}
        recalibrate_bundle(old / BUNDLE, new / BUNDLE, found.calibration, **run)
        save_reference(found.reference, new / REFERENCE)
        (old / PREPROCESSOR).parent.rename((new / PREPROCESSOR).parent)
        tags = {name: champion.tags[name] for name in ("family", "target", "provenance")}
        made = {"recalibrated_from": champion.version, "recalibration": describe_shift(found.shift, len(rows))}
        model_uri = log_recalibration(champion, new, found, {**tags, **made})
    LOG.info("%s", made["recalibration"])
    return {**run, **tags, "model_uri": model_uri, "tags": made}


def _download(version: str, folder: Path) -> None:
    registry = registry_of_stack()
    for artifact in (BUNDLE, REFERENCE, str(Path(PREPROCESSOR).parent)):
        registry.download_artifact(version, artifact, folder)


def _recalibrate(files: Path, rows: pd.DataFrame) -> Recalibration:
    scorer, reference = load_scorer(files / BUNDLE), load_reference(files / REFERENCE)
    y = readmitted_binary(rows, scorer.manifest["target"])
    raw = scorer.raw_scores_of_table(pa.Table.from_pandas(rows, preserve_index=False))
    return recalibrate(scorer.calibration, reference, y, raw, rows[PATIENT])
