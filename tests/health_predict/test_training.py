"""Training: what a model is watched by, and what a retrain adds to it."""

import json

import numpy as np
import pytest

from health_predict.columns import PATIENT
from health_predict.families import Configuration
from health_predict.monitoring.monitored import bin_frame
from health_predict.monitoring.reference import Reference
from health_predict.privacy import SMALLEST_GROUP
from health_predict.synthetic import sample_encounters
from health_predict.training import OUT_OF_FOLD, TEST, Training, move_to_test, reference_of, train, trial_of
from health_predict.trials import TrialResult, auroc

ENCOUNTERS = sample_encounters(3000, seed=4)
INITIAL, NEWEST = ENCOUNTERS.iloc[:2200], ENCOUNTERS.iloc[2200:].reset_index(drop=True)


@pytest.fixture(scope="module")
def training() -> Training:
    trial = TrialResult(Configuration("c", "logistic_regression", {"C": 0.05}, 0), 0.6, 2, (0.6,), "finished", 0.0)
    options = {"target": "any", "metric": "auroc", "candidates_per_family": 1, "folds": 3, "threshold": "youden"}
    return train(INITIAL, NEWEST, [trial], threads=1, seed=0, **options)


@pytest.fixture(scope="module")
def reference(training: Training) -> Reference:
    return reference_of(training, INITIAL, sizes=(250, 1000), draws=2000, seed=0)


def part(training: Training, name: str):
    return training.scores[training.scores["part"] == name]


def test_the_reference_is_of_the_training_window_and_its_out_of_fold_scores(training, reference) -> None:
    scores = part(training, OUT_OF_FOLD)
    assert reference.rows == len(INITIAL) == len(scores)
    assert reference.scores.predicted == pytest.approx(scores["probability"].mean())
    assert reference.scores.auroc == pytest.approx(auroc(scores["y"], scores["probability"]))
    assert [size.rows for size in reference.null.sizes] == [250, 1000]
    assert sum(reference.importances.values()) == pytest.approx(1)


def test_no_cell_of_the_reference_tells_about_fewer_than_eleven_patients(reference) -> None:
    cells, patients = reference.layout.encode(bin_frame(INITIAL)), INITIAL[PATIENT].to_numpy()
    told = [len(set(patients[rows])) for rows in (np.any(cells == cell, axis=1) for cell in np.unique(cells))]
    assert min(told) >= SMALLEST_GROUP
    assert len(told) > 100


def test_moved_to_the_newest_encounters_it_predicts_their_rate_and_keeps_every_order(training, reference) -> None:
    moved, watched = move_to_test(training, reference)
    newest = part(moved, TEST)
    assert newest["probability"].mean() == pytest.approx(newest["y"].mean(), abs=1e-8)
    assert np.array_equal(moved.model.probabilities(NEWEST), newest["probability"].to_numpy())
    assert auroc(newest["y"], newest["probability"]) == auroc(newest["y"], part(training, TEST)["probability"])
    assert watched.scores.observed == pytest.approx(newest["y"].mean())
    assert (watched.counts, watched.scores.auroc) == (reference.counts, reference.scores.auroc)
    assert moved.model.calibration.slope == training.model.calibration.slope
    shift = moved.model.calibration.intercept - training.model.calibration.intercept
    told = f"; intercept moved by {shift:+.2f} to the {len(NEWEST):,} newest encounters"
    assert moved.selection.reason == training.selection.reason + told


def test_the_configuration_of_an_earlier_model_is_one_trial_that_survives_json(training) -> None:
    manifest = {"family": "xgboost", "parameters": {"max_depth": 4}, "size": 120, "target": "any"}
    trial = TrialResult.from_dict(json.loads(json.dumps(trial_of(manifest, seed=7).as_dict())))
    assert (trial.configuration.family, trial.size, trial.configuration.seed) == ("xgboost", 120, 7)
    assert trial.configuration.parameters == {"max_depth": 4}
