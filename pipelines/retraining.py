"""Retraining: from the encounters whose outcomes have arrived to a registered version and the decision on it."""

from typing import Any

from zenml import pipeline

from configs.train import TrainConfig
from pipelines.training import EXPERIMENT
from steps.notification.notify_promotion import notify_promotion
from steps.retraining.load_matured import load_matured
from steps.retraining.take_configuration import take_configuration
from steps.training.evaluate_model import evaluate_model
from steps.training.fit_model import fit_model
from steps.training.promote_model import promote_model
from steps.training.register_model import register_model
from steps.training.search_models import search_models

_TRACKED = {"experiment_tracker": {"experiment_name": EXPERIMENT}}


@pipeline(name="health_predict_retraining", settings=_TRACKED)
def retraining_pipeline(config: TrainConfig, request: dict[str, Any]) -> None:
    """Load, search if asked for, fit, evaluate, register, and promote if the challenger is better.

    Args:
        request: a `RenewalRequest` as a dict.
    """
    train, validation, judge, summary = load_matured(request=request, seed=config.seed)
    if request["search"]:
        trials = search_models(
            train, validation, target=config.target, metric=config.metric, seed=config.seed, settings=config.search
        )
    else:
        trials = take_configuration(request["champion"], target=config.target, seed=config.seed)
    run, scores = fit_model(train, validation, judge, summary, trials, config=config, test_is_newest=True)
    evaluation, _evaluation_page, _calibration_page = evaluate_model(
        run, scores, summary, None, settings=config.evaluation, seed=config.seed
    )
    version = register_model(run, trigger=request["trigger"], after=evaluation)
    promotion = promote_model(version, judge, metric=config.metric, seed=config.seed, settings=config.promotion)
    notify_promotion(promotion)


@pipeline(name="health_predict_promotion", settings=_TRACKED)
def promotion_pipeline(config: TrainConfig, request: dict[str, Any], version: str) -> None:
    """Judge a retrained version that is registered already: what is left after a kill between the two."""
    _train, _validation, judge, _summary = load_matured(request=request, seed=config.seed)
    promotion = promote_model(version, judge, metric=config.metric, seed=config.seed, settings=config.promotion)
    notify_promotion(promotion)
