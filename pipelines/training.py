"""Training: from the raw file to a registered version and the decision on its promotion."""

from zenml import pipeline

from configs.train import TrainConfig
from steps.data.explore_data import explore_data
from steps.data.load_data import load_data
from steps.notification.notify_promotion import notify_promotion
from steps.training.evaluate_model import evaluate_model
from steps.training.fit_model import fit_model
from steps.training.promote_model import promote_model
from steps.training.register_model import register_model
from steps.training.search_models import search_models

EXPERIMENT = "HealthPredict_Training"


@pipeline(
    name="health_predict_training_hpo",
    settings={"experiment_tracker": {"experiment_name": EXPERIMENT}},
)
def training_pipeline(config: TrainConfig, uri: str, sha256: str) -> None:
    """Load, explore, search, fit, evaluate, register, promote if the challenger is better, and tell people."""
    train, validation, test, _future, summary = load_data(
        uri=uri, sha256=sha256, seed=config.data.seed, protocol=config.data.protocol
    )
    exploration = explore_data(train, validation, summary, target=config.target)
    trials = search_models(
        train, validation, target=config.target, metric=config.metric, seed=config.seed, settings=config.search
    )
    run, scores = fit_model(train, validation, test, summary, trials, config=config)
    evaluation, _evaluation_page, _calibration_page = evaluate_model(
        run, scores, summary, exploration, settings=config.evaluation, seed=config.seed
    )
    version = register_model(run, after=evaluation)
    promotion = promote_model(version, test, metric=config.metric, seed=config.seed, settings=config.promotion)
    notify_promotion(promotion)
