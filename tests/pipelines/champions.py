"""Registers a small real model as champion without the search: what a deployment starts from."""

import json
from datetime import UTC, datetime
from pathlib import Path

import joblib
from mlflow import MlflowClient

from adapters.mlflow_registry import BUNDLE, PREPROCESSOR, REFERENCE, Registry
from health_predict.bundle import Origin, build_bundle
from health_predict.model import TrainedModel
from health_predict.monitoring.importance import permutation_importance
from health_predict.monitoring.null import FEWEST_DRAWS
from health_predict.monitoring.reference import build_reference
from health_predict.monitoring.reference_files import save_reference
from health_predict.scorer import load_scorer
from health_predict.synthetic import sample_encounters
from health_predict.target import readmitted_binary
from tests.adapters.registries import decision

EXPERIMENT = "HealthPredict_Training"


def register_champion(registry: Registry, model: TrainedModel, workplace: Path) -> str:
    """Log bundle, preprocessor and reference to a run, register it and make it champion; returns the version."""
    client = MlflowClient(registry.tracking_uri, registry.tracking_uri)
    run_id = client.create_run(client.get_experiment_by_name(EXPERIMENT).experiment_id).info.run_id
    files = workplace / run_id
    build_bundle(model, Origin(run_id, "sha", "uci", 4000, "2026-01-01T00:00:00+00:00"), files / BUNDLE, seed=3)
    write_reference(model, files / REFERENCE)
    (files / PREPROCESSOR).parent.mkdir()
    joblib.dump(model.preprocessor, files / PREPROCESSOR)
    client.log_artifacts(run_id, str(files))
    tags = {"family": model.configuration.family, "target": model.target, "provenance": "uci"}
    version = registry.register(run_id, f"runs:/{run_id}/model", replay=load_scorer, tags=tags).version
    champion = registry.champion()
    former = champion.version if champion else None
    better = decision(champion_version=former, challenger_version=version, challenger_run_id=run_id)
    registry.promote(version, former, better, datetime.now(UTC))
    return version


def write_reference(model: TrainedModel, folder: Path) -> None:
    """Sum up drawn encounters: right in form, for batches of any size."""
    frame = sample_encounters(1000, seed=1)
    importances = permutation_importance(model.probabilities, frame, seed=0, rows=100)
    y, probability = readmitted_binary(frame, model.target), model.probabilities(frame)
    reference = build_reference(frame, y, probability, importances, sizes=(250,), draws=FEWEST_DRAWS, seed=0)
    save_reference(reference, folder)


def artifact_of(registry: Registry, version: str, name: str) -> Path:
    """Return where the artifact store of a local registry keeps a file of a version's bundle."""
    client = MlflowClient(registry.tracking_uri, registry.tracking_uri)
    return (
        Path(client.get_run(registry.find(version).run_id).info.artifact_uri.removeprefix("file://")) / "bundle" / name
    )


def rollout_of(registry: Registry, version: str) -> dict:
    """Return what the registry says of a version's last deployment."""
    return json.loads(registry.find(version).tags["rollout"])
