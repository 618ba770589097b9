"""Chooses by cross-validation, refits, builds bundle and reference and logs all of it to the MLflow run."""

import logging
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
from zenml import step

from adapters.mlflow_registry import BUNDLE, REFERENCE
from adapters.mlflow_tracking import active_run_id, log_training
from configs.train import TrainConfig
from health_predict.bundle import Origin, build_bundle, prove_parity
from health_predict.monitoring.reference import Reference
from health_predict.monitoring.reference_files import save_reference
from health_predict.training import Training, describe, move_to_test, reference_of
from health_predict.training import train as train_model
from health_predict.trials import TrialResult
from steps.progress import show_progress

LOG = logging.getLogger("health_predict.steps")


@step(experiment_tracker=True, enable_cache=False)
def fit_model(
    train: pd.DataFrame,
    validation: pd.DataFrame,
    test: pd.DataFrame,
    summary: dict[str, Any],
    trials: list[dict[str, Any]],
    config: TrainConfig,
    test_is_newest: bool = False,
) -> tuple[Annotated[dict[str, Any], "model_run"], Annotated[pd.DataFrame, "scores"]]:
    """Fit on train and validation; the bundle must score every test encounter as the model does.

    Args:
        test_is_newest: the model predicts the outcome as often as the test encounters have it.
    """
    initial = pd.concat([train, validation], ignore_index=True)
    training = _fit(initial, test, trials, config)
    reference = _reference(training, initial, config)
    if test_is_newest:
        training, reference = move_to_test(training, reference)
    LOG.info("chosen: %s", training.selection.reason)
    origin = Origin(
        run_id=active_run_id(),
        data_sha256=summary["sha256"],
        provenance=summary["provenance"],
        rows=len(initial),
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    with tempfile.TemporaryDirectory() as folder:
        scorer = build_bundle(training.model, origin, Path(folder) / BUNDLE, seed=config.seed)
        parity = prove_parity(scorer, training.model, test)
        LOG.info("bundle: scores %s test encounters like the model, to %.0e", f"{len(test):,}", parity)
        save_reference(reference, Path(folder) / REFERENCE)
        model_uri = log_training(training, Path(folder), origin)
    facts = {"run_id": origin.run_id, "created_at": origin.created_at, "model_uri": model_uri, "parity": parity}
    run = {**describe(training), **facts, "provenance": origin.provenance, "tags": summary.get("tags", {})}
    return run, training.scores


def _fit(initial: pd.DataFrame, test: pd.DataFrame, trials: list[dict[str, Any]], config: TrainConfig) -> Training:
    with show_progress("cross-validation") as progress:
        return train_model(
            initial,
            test,
            [TrialResult.from_dict(trial) for trial in trials],
            target=config.target,
            metric=config.metric,
            candidates_per_family=config.selection.candidates_per_family,
            folds=config.selection.folds,
            threshold=config.selection.threshold,
            threads=config.selection.threads,
            seed=config.seed,
            progress=lambda done, of: progress(done, of, ""),
        )


def _reference(training: Training, initial: pd.DataFrame, config: TrainConfig) -> Reference:
    sizes, draws = config.monitoring.reference_sizes, config.monitoring.draws
    LOG.info("reference: %s encounters, %s draws per batch size", f"{len(initial):,}", f"{draws:,}")
    return reference_of(training, initial, sizes=sizes, draws=draws, seed=config.seed)
