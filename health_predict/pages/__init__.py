"""The HTML pages that people look at: self-contained, without script or network, aggregates only."""

from health_predict.pages.calibration import calibration_page
from health_predict.pages.evaluation import evaluation_page
from health_predict.pages.exploration import exploration_page
from health_predict.pages.report import CandidateRow, EvaluationReport, ModelFacts, Scored

__all__ = [
    "CandidateRow",
    "EvaluationReport",
    "ModelFacts",
    "Scored",
    "calibration_page",
    "evaluation_page",
    "exploration_page",
]
