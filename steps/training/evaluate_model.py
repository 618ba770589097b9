"""Scores the model with intervals and slices, and writes the evaluation and calibration pages."""

import logging
from typing import Annotated, Any

import pandas as pd
from zenml import step
from zenml.types import HTMLString

from adapters.mlflow_tracking import log_evaluation
from configs.train import EvaluationSettings
from health_predict.evaluation_report import as_dict, build_report, tracked_metrics
from health_predict.pages import calibration_page, evaluation_page

LOG = logging.getLogger("health_predict.steps")


@step(experiment_tracker=True, enable_cache=False)
def evaluate_model(
    run: dict[str, Any],
    scores: pd.DataFrame,
    summary: dict[str, Any],
    exploration: HTMLString | None,
    settings: EvaluationSettings,
    seed: int,
) -> tuple[
    Annotated[dict[str, Any], "evaluation"],
    Annotated[HTMLString, "evaluation_page"],
    Annotated[HTMLString, "calibration_page"],
]:
    """Evaluate out-of-fold and test scores; the test part is looked at here and nowhere before."""
    report = build_report(run, scores, summary, draws=settings.draws, seed=seed)
    evaluation, calibration = HTMLString(evaluation_page(report)), HTMLString(calibration_page(report))
    pages = {"evaluation.html": evaluation, "calibration.html": calibration}
    pages |= {"exploration.html": exploration} if exploration else {}
    LOG.info("test: AUROC %s, calibration slope %s", report.test.auroc, report.test.calibration_slope)
    log_evaluation(run["run_id"], tracked_metrics(report), pages, as_dict(report))
    return as_dict(report), evaluation, calibration
