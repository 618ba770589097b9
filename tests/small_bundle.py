"""Bundles of small models, trained in a second on drawn encounters, for tests of what is done with a bundle."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from health_predict.bundle import Origin, build_bundle
from health_predict.calibration import Calibration
from health_predict.columns import PATIENT
from health_predict.engineer import engineer
from health_predict.families import Family, fit, sample_configurations
from health_predict.model import TrainedModel
from health_predict.preprocessor import fit_preprocessor, transform
from health_predict.scorer import Scorer
from health_predict.synthetic import sample_encounters
from health_predict.target import readmitted_binary

ROWS = 2000
ORIGIN = Origin("run", "sha", "synthetic", ROWS, "2026-01-01T00:00:00+00:00")
_SIZES: dict[Family, int] = {"logistic_regression": 3, "random_forest": 25, "xgboost": 30}


def train_small_model(family: Family) -> TrainedModel:
    """Train a model that is right in form and worth nothing."""
    encounters = sample_encounters(ROWS, seed=1)
    y = readmitted_binary(encounters, "any")
    preprocessor, X = fit_preprocessor(engineer(encounters), y, encounters[PATIENT], seed=0)
    (configuration,) = sample_configurations((family,), 1, seed=1)
    size = _SIZES[family]
    estimator = fit(configuration, size, X, y)
    return TrainedModel(configuration, size, "any", preprocessor, estimator, Calibration(1.1, -0.05), 0.5)


def train_poor_model() -> TrainedModel:
    """Train a model on outcomes by chance: every other one is better."""
    model, encounters = train_small_model("xgboost"), sample_encounters(ROWS, seed=1)
    chance = np.random.default_rng(0).permutation(readmitted_binary(encounters, "any"))
    X = transform(model.preprocessor, engineer(encounters))
    return replace(model, estimator=fit(model.configuration, model.size, X, chance))


def build_small_bundle(family: Family, folder: Path) -> Scorer:
    """Train a small model and write its bundle."""
    return build_bundle(train_small_model(family), ORIGIN, folder, seed=3)
