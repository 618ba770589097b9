"""Logistic recalibration as data: probability = sigmoid(slope * logit(score) + intercept).

Cox, "Two further applications of a model for binary regression", Biometrika 1958. Slope 1 and intercept 0 leave a
score as it is, so an uncalibrated model needs no second path. No pandas here.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

_MOST_STEPS, _CONVERGED, _LONGEST_STEP, _RIDGE = 50, 1e-9, 2.0, 1e-9
_CLIP = 1e-6  # scores of exactly 0 or 1, as a forest can give, have no logit


@dataclass(frozen=True)
class Calibration:
    """A monotone map from raw score to probability; the order of the scores is kept when slope > 0."""

    slope: float = 1.0
    intercept: float = 0.0

    def apply(self, score: npt.ArrayLike) -> Floats:
        """Map raw scores in 0..1 to calibrated probabilities of the same shape."""
        return _sigmoid(self.slope * logit(score) + self.intercept)


def logit(score: npt.ArrayLike) -> Floats:
    """Return ln(p / (1 - p)) of scores clipped to 1e-6..1-1e-6."""
    clipped = _within(np.asarray(score, dtype=np.float64), _CLIP, 1 - _CLIP)
    return np.asarray(np.log(clipped / (1 - clipped)))


def _sigmoid(x: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-_within(x, -700.0, 700.0))))  # exp overflows beyond 709


def _within(x: Floats, low: float, high: float) -> Floats:
    return np.minimum(np.maximum(x, low), high)  # np.clip takes three times as long for the one score of a request


def fit_calibration(y: npt.ArrayLike, score: npt.ArrayLike, weights: npt.ArrayLike | None = None) -> Calibration:
    """Fit slope and intercept by maximum likelihood on scores that the model did not see in its own fit.

    Newton's method on the two parameters: each of the hundreds of fits behind an interval takes a few milliseconds.

    Args:
        y: (n,) of 0 and 1, both present.
        score: (n,) raw scores in 0..1.
        weights: (n,) how often each row counts.
    """
    x, truth = logit(score), np.asarray(y, dtype=np.float64)
    weight = np.ones_like(truth) if weights is None else np.asarray(weights, dtype=np.float64)
    found = np.array([1.0, 0.0])
    for _ in range(_MOST_STEPS):
        p = _sigmoid(found[0] * x + found[1])
        error, spread = weight * (p - truth), weight * p * (1 - p)
        hessian = np.array([[np.sum(spread * x * x), np.sum(spread * x)], [np.sum(spread * x), np.sum(spread)]])
        # the ridge bounds the step where one class is separated from the other and no maximum exists
        step = np.linalg.solve(hessian + _RIDGE * np.eye(2), [np.sum(error * x), np.sum(error)])
        found = found - np.clip(step, -_LONGEST_STEP, _LONGEST_STEP)
        if np.max(np.abs(step)) < _CONVERGED:
            break
    return Calibration(float(found[0]), float(found[1]))
