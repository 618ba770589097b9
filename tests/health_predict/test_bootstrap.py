import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, brier_score_loss, f1_score, roc_auc_score

from health_predict.bootstrap import (
    interval,
    patient_weights,
    weighted_auroc,
    weighted_average_precision,
    weighted_brier,
    weighted_f1,
)


def all_weights(patients, draws, seed):
    return np.concatenate(list(patient_weights(patients, draws, seed)))


@st.composite
def weighted_rows(draw):
    n = draw(st.integers(2, 30))
    y = draw(st.lists(st.integers(0, 1), min_size=n, max_size=n))
    grid = draw(st.sampled_from([2, 5, 1000]))  # a coarse grid makes ties
    score = draw(st.lists(st.integers(0, grid).map(lambda k: k / grid), min_size=n, max_size=n))
    weights = draw(st.lists(st.lists(st.integers(0, 3), min_size=n, max_size=n), min_size=1, max_size=4))
    return np.array(y), np.array(score), np.array(weights, dtype=np.int32)


@settings(deadline=None)
@given(weighted_rows())
def test_each_draw_equals_scikit_learn_with_sample_weights(rows):
    y, score, weights = rows
    got = {
        roc_auc_score: weighted_auroc(y, score, weights),
        average_precision_score: weighted_average_precision(y, score, weights),
        brier_score_loss: weighted_brier(y, score, weights),
    }
    for index, w in enumerate(weights):
        both_classes = w[y == 0].sum() > 0 and w[y == 1].sum() > 0
        for reference, values in got.items():
            if both_classes:
                assert values[index] == pytest.approx(reference(y, score, sample_weight=w), abs=1e-12)
        if not both_classes:
            assert np.isnan(got[roc_auc_score][index])
        if (w * (y + (score >= 0.5))).sum() > 0:
            reference = f1_score(y, score >= 0.5, sample_weight=w, zero_division=0)
            assert weighted_f1(y, score >= 0.5, weights)[index] == pytest.approx(reference, abs=1e-12)


@given(st.lists(st.sampled_from("abcdefg"), min_size=1, max_size=40), st.integers(0, 2**32), st.randoms())
def test_a_patient_is_drawn_whole_and_whatever_the_row_order(patients, seed, random):
    patients = np.array(patients)
    weights = all_weights(patients, 5, seed)
    first = [int(np.flatnonzero(patients == p)[0]) for p in patients]
    assert (weights == weights[:, first]).all()
    one_row_each = np.unique(patients, return_index=True)[1]
    assert (weights[:, one_row_each].sum(axis=1) == len(one_row_each)).all()
    order = list(range(len(patients)))
    random.shuffle(order)
    assert (all_weights(patients[order], 5, seed) == weights[:, order]).all()


def test_draws_have_the_mean_and_variance_of_drawing_with_replacement():
    weights = all_weights(np.arange(400), 2000, 7)
    assert weights.shape == (2000, 400)
    assert weights.mean() == 1.0
    assert weights.var() == pytest.approx(1 - 1 / 400, abs=0.01)


def test_repeat_patients_widen_the_interval():
    rng = np.random.default_rng(0)
    y, score = rng.integers(0, 2, 300), rng.random(300)
    tripled = (np.tile(y, 3), np.tile(score, 3))
    by_patient = interval(weighted_auroc(*tripled, all_weights(np.tile(np.arange(300), 3), 500, 1)))
    by_row = interval(weighted_auroc(*tripled, all_weights(np.arange(900), 500, 1)))
    assert by_patient[1] - by_patient[0] > 1.5 * (by_row[1] - by_row[0])


def test_interval_leaves_out_draws_without_a_value():
    assert interval(np.array([np.nan, 0.0, 1.0]), level=0.5) == (0.25, 0.75)
    assert all(np.isnan(interval(np.array([np.nan]))))


def test_memory_does_not_grow_with_the_draws():
    rng = np.random.default_rng(0)
    patients, y, score = rng.integers(0, 15_000, 20_000), rng.integers(0, 2, 20_000), rng.random(20_000)

    def peak(draws):
        tracemalloc.start()
        for block in patient_weights(patients, draws, 0):
            weighted_auroc(y, score, block)
        _, highest = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return highest

    assert peak(400) < 1.2 * peak(200) < 200e6
