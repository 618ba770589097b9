"""The winner, its calibration and its threshold come from folds that share no patient."""

import numpy as np
import pytest
from sklearn.metrics import f1_score

from health_predict.columns import PATIENT
from health_predict.errors import InputError
from health_predict.families import FAMILIES, sample_configurations
from health_predict.selection import (
    Candidate,
    CandidateScore,
    Selection,
    cross_validate,
    decision_threshold,
    refit,
    select,
)
from health_predict.synthetic import sample_encounters

LOGISTIC, FOREST, BOOSTED = sample_configurations(FAMILIES, 3, seed=0)


@pytest.fixture(scope="module")
def frame():
    return sample_encounters(3000, seed=2)


def validated(frame, threads: int = 1, seed: int = 0):
    candidates = [Candidate(LOGISTIC, 2), Candidate(BOOSTED, 20)]
    return cross_validate(candidates, frame, "any", metric="auroc", folds=3, seed=seed, threads=threads)


def test_every_encounter_is_scored_out_of_fold_and_progress_is_told(frame) -> None:
    told = []
    scores = cross_validate(
        [Candidate(LOGISTIC, 2)],
        frame,
        "any",
        metric="auroc",
        folds=3,
        seed=0,
        threads=1,
        progress=lambda done, of: told.append((done, of)),
    )
    assert told == [(1, 3), (2, 3), (3, 3)]
    assert scores[0].out_of_fold.shape == (3000,)
    assert np.all((scores[0].out_of_fold > 0) & (scores[0].out_of_fold < 1))
    assert 0.55 < scores[0].mean < 0.8


def test_threads_do_not_change_the_scores_and_a_seed_does(frame) -> None:
    one, two, other = validated(frame), validated(frame, threads=2), validated(frame, seed=1)
    for first, second in zip(one, two, strict=True):
        assert np.array_equal(first.out_of_fold, second.out_of_fold)
    assert not np.array_equal(one[0].out_of_fold, other[0].out_of_fold)


def test_a_patient_is_never_scored_by_a_model_that_saw_him(frame) -> None:
    """Labels that name the patient are learnt at once by rows and not at all by patient."""
    labels = frame[PATIENT].map(lambda patient: "NO" if hash(int(patient)) % 2 else ">30")
    scores = cross_validate(
        [Candidate(BOOSTED, 60)], frame.assign(readmitted=labels), "any", metric="auroc", folds=3, seed=0, threads=1
    )
    assert 0.42 < scores[0].mean < 0.58


def test_the_highest_mean_wins_and_says_why() -> None:
    low = CandidateScore(Candidate(LOGISTIC, 1), (0.6, 0.7), np.array([0.5]))
    high = CandidateScore(Candidate(BOOSTED, 5), (0.7, 0.8), np.array([0.5]))
    selection = select([low, high], "auroc")
    assert selection.chosen is high
    assert (
        selection.reason
        == "xgboost: auroc 0.7500 +- 0.0500 over 2 folds by patient, +0.1000 against the best other family"
    )
    assert select([low], "auroc").reason.endswith("over 2 folds by patient")


def test_of_equals_the_first_wins() -> None:
    first, second = (CandidateScore(Candidate(c, 1), (0.7,), np.array([0.5])) for c in (LOGISTIC, BOOSTED))
    assert select([first, second], "auroc").chosen is first


def test_refit_takes_calibration_and_threshold_from_out_of_fold_scores(frame) -> None:
    selection = select(validated(frame), "auroc")
    model = refit(selection, frame, "any", rule="youden", seed=0, threads=1)
    assert model.target == "any"
    assert 0.5 < model.calibration.slope < 1.6
    assert 0.2 < model.threshold < 0.8
    assert model.probabilities(frame.head(20)).shape == (20,)


def test_scores_that_point_the_wrong_way_are_refused(frame) -> None:
    good = validated(frame)[0]
    upside_down = CandidateScore(good.candidate, good.folds, 1 - good.out_of_fold)
    with pytest.raises(InputError, match="no model predicts the target 'any'"):
        refit(Selection("auroc", upside_down, (upside_down,), ""), frame, "any", rule="youden", seed=0, threads=1)


def test_thresholds_by_hand() -> None:
    y = np.array([0, 0, 0, 1, 1], dtype=np.int8)
    p = np.array([0.1, 0.2, 0.3, 0.7, 0.9])
    assert decision_threshold(y, p, "youden") == 0.7
    grid_best = decision_threshold(y, p, "f1")
    assert f1_score(y, p >= grid_best) == 1.0
