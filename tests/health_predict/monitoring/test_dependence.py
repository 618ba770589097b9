import numpy as np
import pytest

from health_predict.monitoring.cells import Cells, Layout
from health_predict.monitoring.dependence import (
    cluster_size,
    clustered_variance,
    column_correlations,
    correlation,
    spread,
)

LAYOUT = Layout((Cells("sex", ("f", "m"), (0, 1), False), Cells("days", ("1", "2", "3"), (0, 1, 2), True)))


def test_clustered_variance_by_hand() -> None:
    assert clustered_variance(np.array([1.0, 2.0, -3.0]), ["a", "a", "b"]) == 9 + 9
    assert clustered_variance(np.array([1.0, 2.0, -3.0]), ["a", "b", "c"]) == 1 + 4 + 9


def test_cluster_size_by_hand() -> None:
    assert cluster_size([1, 2, 3]) == 1
    assert cluster_size([1, 1, 1, 2]) == (3 * 3 + 1) / 4


def test_correlation_undoes_the_design_effect() -> None:
    assert correlation(1 + 0.3 * (2.5 - 1), 2.5) == pytest.approx(0.3)
    assert correlation(0.8, 2.5) == 0
    assert correlation(1.4, 1.0) == 0


def test_spread_of_independent_encounters_is_one_over_each_size() -> None:
    assert spread(100, 1.0, 1000, 1.0, 0.7) == pytest.approx(0.011)
    assert spread(100, 3.0, 1000, 2.0, 0.0) == pytest.approx(0.011)
    np.testing.assert_allclose(spread(100, 1.0, 1000, 2.0, np.array([0.0, 1.0])), [0.011, 0.012])


def test_a_value_of_the_patient_is_fully_correlated_and_one_of_the_encounter_is_not() -> None:
    rng = np.random.default_rng(0)
    patients = np.repeat(np.arange(2000), rng.integers(1, 6, 2000))
    sex = rng.integers(0, 2, 2000)[patients]
    days = rng.integers(0, 3, len(patients))
    sexes, dayss = column_correlations(LAYOUT, np.column_stack([sex, 2 + days]), patients)
    assert sexes == pytest.approx(1, abs=0.07)
    assert dayss < 0.05


def test_the_spread_is_the_variance_of_a_difference_of_shares() -> None:
    """Simulated: batches and references of patients who never change their value."""
    rng, gaps = np.random.default_rng(1), []
    patients = np.repeat(np.arange(300), 3)
    for _ in range(2000):
        reference = rng.random(300)[patients] < 0.4
        gaps.append((rng.random(200) < 0.4).mean() - reference.mean())
    assert np.var(gaps) / 0.24 == pytest.approx(spread(200, 1.0, 900, 3.0, 1.0), rel=0.1)
