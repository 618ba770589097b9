"""Searches the model families' hyperparameters."""

import logging
from typing import Annotated, Any

import pandas as pd
from zenml import step

from adapters.mlflow_tracking import active_run_id, log_trials
from adapters.ray_search import search
from configs.train import SearchSettings
from health_predict.columns import PATIENT
from health_predict.engineer import engineer
from health_predict.families import sample_configurations
from health_predict.preprocessor import fit_preprocessor, transform
from health_predict.target import Target, readmitted_binary
from health_predict.trials import Metric, SearchData
from steps.progress import show_progress
from steps.training.ray_settings import ray_settings

LOG = logging.getLogger("health_predict.steps")


@step(experiment_tracker=True)
def search_models(
    train: pd.DataFrame,
    validation: pd.DataFrame,
    target: Target,
    metric: Metric,
    seed: int,
    settings: SearchSettings,
) -> Annotated[list[dict[str, Any]], "trials"]:
    """Fit on train, score on validation; every trial becomes a nested MLflow run."""
    y_train, y_validation = readmitted_binary(train, target), readmitted_binary(validation, target)
    preprocessor, X_train = fit_preprocessor(engineer(train), y_train, train[PATIENT], seed)
    data = SearchData(X_train, y_train, transform(preprocessor, engineer(validation)), y_validation)
    configurations = sample_configurations(settings.families, settings.trials, seed)
    with show_progress("search") as report:
        results = search(configurations, data, ray_settings(settings, metric, report))
    log_trials(active_run_id(), results, metric)
    LOG.info("search: %d trials, %d stopped by ASHA", len(results), sum("ASHA" in r.stop_reason for r in results))
    return [result.as_dict() for result in results]
