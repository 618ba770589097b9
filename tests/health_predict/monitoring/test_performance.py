import dataclasses

import numpy as np
import pytest
from scipy.stats import kstest

from health_predict.errors import InputError
from health_predict.monitoring.performance import measure_performance
from health_predict.monitoring.reference import Reference
from tests.health_predict.monitoring.invented import outcomes


def measured(reference: Reference, seed: int, count: int = 1000):
    y, score = outcomes(count, seed)
    return measure_performance(reference, y, score, np.arange(count))


def test_the_calibration_test_is_standard_normal_without_drift(reference: Reference) -> None:
    """The invented scores are calibrated by construction, so the reference adds no error to those of the batch."""
    exact = dataclasses.replace(reference, scores=dataclasses.replace(reference.scores, gap_variance=0.0))
    z = [measured(exact, seed).calibration_z for seed in range(300, 700)]
    assert kstest(z, "norm").pvalue > 0.001
    assert np.std(z) == pytest.approx(1, abs=0.12)


def test_the_calibration_test_by_hand(reference: Reference) -> None:
    y, p = np.array([1, 1, 0, 1]), np.array([0.5, 0.5, 0.5, 0.5])
    found = measure_performance(reference, y, p, [1, 2, 3, 4])
    assert found.calibration_z == pytest.approx(1 / np.sqrt(1 + 16 * reference.scores.gap_variance))
    assert found.calibration_p == pytest.approx(0.317, abs=0.01)


def test_encounters_of_one_patient_count_for_less(reference: Reference) -> None:
    y, p = np.repeat([1, 0], [60, 40]), np.full(100, 0.4)
    apart = measure_performance(reference, y, p, np.arange(100))
    together = measure_performance(reference, y, p, np.arange(100) // 10)
    assert 0 < together.calibration_z < apart.calibration_z


def test_risks_that_are_too_low_raise_the_statistic_and_too_high_ones_lower_it(reference: Reference) -> None:
    y, score = outcomes(1000, 1)
    low = measure_performance(reference, y, score * 0.7, np.arange(1000))
    high = measure_performance(reference, y, np.minimum(score * 1.3, 1), np.arange(1000))
    assert low.calibration_z > 4
    assert high.calibration_z < -4


def test_the_loss_of_auroc_follows_its_null(reference: Reference) -> None:
    """Of 400 batches without drift 5 % lose more than 95 % of the draws do, give or take four standard deviations."""
    limit = np.quantile(reference.null.at(1000).auroc_loss, 0.95)
    found = [measured(reference, seed) for seed in range(300, 700)]
    losses = np.array([performance.auroc_loss / performance.auroc_unit for performance in found])
    assert 0.006 <= np.mean(losses > limit) <= 0.094


def test_shuffled_scores_lose_auroc(reference: Reference) -> None:
    y, score = outcomes(1000, 1)
    shuffled = np.random.default_rng(0).permutation(score)
    found = measure_performance(reference, y, shuffled, np.arange(1000))
    assert found.auroc_loss / found.auroc_unit > reference.null.at(1000).auroc_loss[-1]
    assert found.auroc_loss == pytest.approx(reference.scores.auroc - found.auroc.value)
    assert found.auroc.low < 0.5 < found.auroc.high


def test_one_outcome_only_has_no_auroc(reference: Reference) -> None:
    found = measure_performance(reference, [1, 1], [0.4, 0.5], [1, 2])
    assert np.isnan([found.auroc.value, found.auroc.low, found.auroc.high, found.auroc_loss]).all()
    assert np.isfinite(found.calibration_z)


@pytest.mark.parametrize(("y", "p"), [([], []), ([1, 0], [0.5]), ([1], [0.5, 0.5])])
def test_labels_that_do_not_fit_are_one_line(reference: Reference, y, p) -> None:
    with pytest.raises(InputError, match="one label a scored row"):
        measure_performance(reference, y, p, range(len(p)))
