import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from health_predict.calibration import Calibration, fit_calibration, logit

ROWS = 40_000


def outcomes(slope: float, intercept: float, rows: int = ROWS, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Draw scores, and outcomes whose true probability is sigmoid(slope * logit(score) + intercept)."""
    rng = np.random.default_rng(seed)
    score = rng.beta(2, 2, rows)
    probability = 1 / (1 + np.exp(-(slope * logit(score) + intercept)))
    return (rng.random(rows) < probability).astype(int), score


@pytest.mark.parametrize(("slope", "intercept"), [(1.0, 0.0), (0.5, -1.0), (2.0, 0.5), (-0.5, 0.2)])
def test_recovers_the_line_that_made_the_outcomes(slope: float, intercept: float) -> None:
    fitted = fit_calibration(*outcomes(slope, intercept))
    assert fitted.slope == pytest.approx(slope, abs=0.05)
    assert fitted.intercept == pytest.approx(intercept, abs=0.05)


def test_equals_an_unpenalised_logistic_regression_on_the_logit() -> None:
    y, score = outcomes(0.6, -0.3, rows=2000)
    reference = LogisticRegression(C=np.inf, tol=1e-8).fit(logit(score)[:, None], y)
    fitted = fit_calibration(y, score)
    assert fitted.slope == pytest.approx(reference.coef_[0, 0], abs=1e-4)
    assert fitted.intercept == pytest.approx(reference.intercept_[0], abs=1e-4)


def test_calibrated_mean_equals_the_observed_rate() -> None:
    """A property of maximum likelihood with an intercept, exact up to the tolerance of the fit."""
    y, score = outcomes(0.4, 0.8, rows=3000)
    assert fit_calibration(y, score).apply(score).mean() == pytest.approx(y.mean(), abs=1e-6)


def test_a_calibrated_score_stays_as_it_is() -> None:
    y, score = outcomes(1.0, 0.0)
    assert np.abs(fit_calibration(y, score).apply(score) - score).max() < 0.01


def test_the_default_is_the_identity() -> None:
    score = np.linspace(1e-6, 1 - 1e-6, 1001)
    np.testing.assert_allclose(Calibration().apply(score), score, rtol=1e-9)


@given(
    slope=st.floats(0.1, 5),
    intercept=st.floats(-5, 5),
    scores=st.lists(st.floats(0, 1), min_size=2, max_size=50),
)
@settings(max_examples=100)
def test_is_monotone_and_within_0_and_1(slope: float, intercept: float, scores: list[float]) -> None:
    ordered = np.sort(scores)
    probability = Calibration(slope, intercept).apply(ordered)
    assert probability.shape == ordered.shape
    assert (np.diff(probability) >= 0).all()
    assert ((probability >= 0) & (probability <= 1)).all()


def test_scores_of_0_and_1_have_a_finite_logit() -> None:
    np.testing.assert_allclose(logit([0.0, 0.5, 1.0]), [-13.8155, 0.0, 13.8155], atol=1e-4)
    fitted = fit_calibration([0, 1, 0, 1, 1, 0], [0.0, 1.0, 1.0, 0.0, 0.9, 0.1])
    assert np.isfinite([fitted.slope, fitted.intercept]).all()


def test_weights_count_rows() -> None:
    y, score = outcomes(0.7, 0.1, rows=300)
    weights = np.random.default_rng(1).integers(0, 4, 300)
    weighted = fit_calibration(y, score, weights)
    repeated = fit_calibration(np.repeat(y, weights), np.repeat(score, weights))
    assert weighted.slope == pytest.approx(repeated.slope, abs=1e-4)
    assert weighted.intercept == pytest.approx(repeated.intercept, abs=1e-4)


def test_extreme_lines_do_not_overflow() -> None:
    with np.errstate(over="raise"):
        assert Calibration(slope=400.0).apply([0.0, 0.5, 1.0]).tolist() == pytest.approx([0.0, 0.5, 1.0])


def test_the_order_of_the_rows_does_not_matter() -> None:
    y, score = outcomes(0.7, 0.1, rows=500)
    backwards = fit_calibration(y[::-1], score[::-1])
    assert fit_calibration(y, score).slope == pytest.approx(backwards.slope, abs=1e-6)
