"""Writes training runs to MLflow: trials as nested runs, the model with all that is needed to serve it, pages."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import joblib
import mlflow
from mlflow.entities import Metric, Param, RunTag
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, DataType, Schema
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

from adapters.mlflow_connection import MlflowConnection
from adapters.mlflow_registry import PREPROCESSOR
from adapters.mlflow_versions import RegisteredVersion
from health_predict.bundle import Origin
from health_predict.columns import INPUTS
from health_predict.engineer import engineer
from health_predict.model import CalibratedClassifier, TrainedModel
from health_predict.monitoring.recalibration import Recalibration
from health_predict.training import Training
from health_predict.trials import TrialResult

_REQUIREMENTS = ("scikit-learn", "xgboost-cpu", "numpy", "pandas")
# what skops may build when the model is read back; everything else it refuses
_TRUSTED = (
    "health_predict.engineer.engineer",
    "health_predict.model.CalibratedClassifier",
    "health_predict.preprocessor.to_float32",
    "sklearn.model_selection._split.StratifiedKFold",
    "sklearn.tree._tree.Tree",
    "xgboost.core.Booster",
    "xgboost.sklearn.XGBClassifier",
)
_METRICS_PER_CALL = 1000  # MLflow's limit of a batch


def active_run_id() -> str:
    """The run that the stack's experiment tracker has opened for this step."""
    run = mlflow.active_run()
    if run is None:
        raise RuntimeError("no MLflow run is active: the step must ask for an experiment tracker")
    return run.info.run_id


def log_trials(parent_run_id: str, results: Sequence[TrialResult], metric: str) -> None:
    """Write each trial as a nested run with parameters, the metric per report, and why it stopped."""
    client = mlflow.MlflowClient()
    experiment = client.get_run(parent_run_id).info.experiment_id
    for number, result in enumerate(results):
        name = f"trial-{number:03d}-{result.configuration.family}"
        run = client.create_run(experiment, tags={"mlflow.parentRunId": parent_run_id}, run_name=name)
        now = int(time.time() * 1000)
        history = [Metric(metric, score, now, step) for step, score in enumerate(result.scores, start=1)]
        best = [Metric(f"best_{metric}", result.score, now, 0), Metric("size", result.size, now, 0)]
        values = {"family": result.configuration.family, **result.configuration.parameters}
        params = [Param(key, str(value)) for key, value in values.items()]
        tags = [RunTag("stop_reason", result.stop_reason)]
        client.log_batch(run.info.run_id, [*best, *history][:_METRICS_PER_CALL], params, tags)
        client.set_terminated(run.info.run_id, "FAILED" if result.stop_reason == "failed" else "FINISHED")


def log_training(training: Training, files: Path, origin: Origin) -> str:
    """Write the model, its preprocessor, its bundle and its reference to the active run.

    Args:
        files: holds the folders of bundle and reference.

    Returns:
        The URI of the logged model.
    """
    model = training.model
    mlflow.log_params({"size": model.size, **model.configuration.parameters})
    mlflow.log_metrics({"cv_mean": training.selection.chosen.mean, "cv_spread": training.selection.chosen.spread})
    mlflow.set_tags(
        {
            "family": model.configuration.family,
            "target": model.target,
            "provenance": origin.provenance,
            "data_sha256": origin.data_sha256,
            "selection": training.selection.reason,
        }
    )
    preprocessor = files / PREPROCESSOR
    preprocessor.parent.mkdir()
    joblib.dump(model.preprocessor, preprocessor)
    mlflow.log_artifacts(str(files))
    return _log_model(as_pipeline(model))


def log_recalibration(champion: RegisteredVersion, files: Path, found: Recalibration, tags: Mapping[str, str]) -> str:
    """Write a champion with another calibration to the active run.

    Args:
        files: holds the folders of bundle, reference and preprocessor.

    Returns:
        The URI of the logged model.
    """
    pipeline = MlflowConnection().ask(mlflow.sklearn.load_model, f"models:/{champion.name}/{champion.version}")
    pipeline.named_steps["classifier"].set_params(**asdict(found.calibration))
    mlflow.log_metric("intercept_shift", found.shift)
    mlflow.set_tags(dict(tags))
    mlflow.log_artifacts(str(files))
    return _log_model(pipeline)


def _log_model(pipeline: Pipeline) -> str:
    logged = mlflow.sklearn.log_model(
        pipeline,
        name="model",
        signature=signature(),
        serialization_format="skops",
        skops_trusted_types=list(_TRUSTED),
        pyfunc_predict_fn="predict_proba",
        pip_requirements=[f"{name}=={version(name)}" for name in _REQUIREMENTS],
    )
    return str(logged.model_uri)


def as_pipeline(model: TrainedModel) -> Pipeline:
    """Compose raw encounters to calibrated probabilities as one scikit-learn pipeline."""
    calibration = model.calibration
    classifier = CalibratedClassifier(model.estimator, calibration.slope, calibration.intercept, model.threshold)
    return Pipeline(
        [("features", FunctionTransformer(engineer)), ("preprocessor", model.preprocessor), ("classifier", classifier)]
    )


def signature() -> ModelSignature:
    """The declared input columns; whole numbers are doubles, since a column with a missing value has no integers."""
    inputs = [
        ColSpec(
            DataType.double if column.kind in ("integer", "code") else DataType.string,
            column.name,
            required=not column.missing,
        )
        for column in INPUTS
    ]
    return ModelSignature(inputs=Schema(inputs), outputs=Schema([ColSpec(DataType.double)]))


def log_evaluation(
    run_id: str, metrics: Mapping[str, float], pages: Mapping[str, str], report: Mapping[str, Any]
) -> None:
    """Add scores, HTML pages (by file name) and the evaluation as JSON to a run."""
    with _resumed(run_id):
        mlflow.log_metrics(dict(metrics))
        for name, html in pages.items():
            mlflow.log_text(html, f"pages/{name}")
        mlflow.log_dict(dict(report), "evaluation.json")


@contextmanager
def _resumed(run_id: str) -> Iterator[None]:
    """Write to a run whether or not it is the active one."""
    active = mlflow.active_run()
    if active is not None and active.info.run_id == run_id:
        yield
        return
    with mlflow.start_run(run_id=run_id, nested=active is not None):
        yield
