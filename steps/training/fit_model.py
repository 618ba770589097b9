"""Chooses by cross-validation, refits, builds the bundle and logs all of it to the MLflow run."""

import logging
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
from zenml import step

from adapters.mlflow_tracking import active_run_id, log_training
from configs.train import TrainConfig
from health_predict.bundle import Origin, build_bundle, prove_parity
from health_predict.training import describe, train
from health_predict.trials import TrialResult
from steps.progress import show_progress

LOG = logging.getLogger("health_predict.steps")


@step(experiment_tracker=True, enable_cache=False)
def fit_model(
    initial_train: pd.DataFrame,
    initial_validation: pd.DataFrame,
    initial_test: pd.DataFrame,
    summary: dict[str, Any],
    trials: list[dict[str, Any]],
    config: TrainConfig,
) -> tuple[Annotated[dict[str, Any], "model_run"], Annotated[pd.DataFrame, "scores"]]:
    """Fit the model; the bundle must score every test encounter as the model does."""
    initial = pd.concat([initial_train, initial_validation], ignore_index=True)
    results = [TrialResult.from_dict(trial) for trial in trials]
    with show_progress("cross-validation") as progress:
        training = train(
            initial,
            initial_test,
            results,
            target=config.target,
            metric=config.metric,
            candidates_per_family=config.selection.candidates_per_family,
            folds=config.selection.folds,
            threshold=config.selection.threshold,
            threads=config.selection.threads,
            seed=config.seed,
            progress=lambda done, of: progress(done, of, ""),
        )
    LOG.info("chosen: %s", training.selection.reason)
    origin = Origin(
        run_id=active_run_id(),
        data_sha256=summary["sha256"],
        provenance=summary["provenance"],
        rows=len(initial),
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    with tempfile.TemporaryDirectory() as folder:
        scorer = build_bundle(training.model, origin, Path(folder), seed=config.seed)
        parity = prove_parity(scorer, training.model, initial_test)
        LOG.info("bundle: scores %s test encounters like the model, to %.0e", f"{len(initial_test):,}", parity)
        model_uri = log_training(training, Path(folder), origin)
    facts = {"run_id": origin.run_id, "created_at": origin.created_at, "model_uri": model_uri, "parity": parity}
    return {**describe(training), **facts}, training.scores
