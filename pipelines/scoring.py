"""Batch scoring: from a file of encounters to a file of scores."""

from zenml import pipeline

from pipelines.deployment import EXPERIMENT
from steps.deployment.score_file import score_file


@pipeline(
    name="health_predict_batch_scoring",
    enable_cache=False,
    settings={"experiment_tracker": {"experiment_name": EXPERIMENT}},
)
def scoring_pipeline(version: str, source: str, destination: str) -> None:
    """Score every valid row, and write every other one aside with its reason."""
    score_file(version=version, source=source, destination=destination)
