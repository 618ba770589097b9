"""The area under the ROC curve with what each encounter contributes to it, and what calibrated scores promise."""

import numpy as np
import numpy.typing as npt

from health_predict.evaluation import Interval
from health_predict.monitoring.dependence import clustered_variance
from health_predict.trials import auroc

Floats = npt.NDArray[np.float64]

_Z = 1.959964  # the normal quantile of a 95 % interval


def auroc_influence(y: npt.ArrayLike, score: npt.ArrayLike) -> tuple[float, Floats]:
    """Return the AUROC of (n,) scores and the (n,) influence of each row, of sum 0; NaN with one outcome only.

    The influences are the structural components of DeLong et al. (Biometrics 1988); the sum of their squares is the
    variance of the AUROC.
    """
    truth, scores = np.asarray(y), np.asarray(score, dtype=np.float64)
    value, positive = auroc(truth, scores), truth == 1
    influence = np.full(len(scores), np.nan)
    if np.isfinite(value):
        influence[positive] = (_share_below(scores[~positive], scores[positive]) - value) / positive.sum()
        influence[~positive] = (1 - _share_below(scores[positive], scores[~positive]) - value) / (~positive).sum()
    return value, influence


def auroc_interval(y: npt.ArrayLike, score: npt.ArrayLike, patients: npt.ArrayLike) -> Interval:
    """Return the AUROC of (n,) scores with a 95 % interval that lets encounters of a patient depend.

    Influences are summed by patient (Obuchowski, Biometrics 1997), on the logit scale, which keeps the interval within
    0..1. All NaN with one outcome only.
    """
    value, influence = auroc_influence(y, score)
    if not 0 < value < 1:  # NaN, too
        return Interval(value, value, value)
    half = _Z * np.sqrt(clustered_variance(influence, patients)) / (value * (1 - value))
    centre = np.log(value / (1 - value))
    low, high = (float(1 / (1 + np.exp(-x))) for x in (centre - half, centre + half))
    return Interval(value, low, high)


def _share_below(others: Floats, values: Floats) -> Floats:
    """Return which share of the others each value exceeds, ties counted half."""
    ordered = np.sort(others)
    left, right = np.searchsorted(ordered, values, "left"), np.searchsorted(ordered, values, "right")
    return np.asarray((left + right) / (2 * len(ordered)))


def expected_auroc(probability: npt.ArrayLike) -> float:
    """Estimate the AUROC of (n,) calibrated scores before any label: the model-based concordance.

    Pairs of different encounters in order, weighted by the probability that the first is positive and the second
    negative (van Klaveren et al., Statistics in Medicine 2016). Right as far as the scores are calibrated: compare it
    with the realised AUROC later. NaN if no pair can be expected.
    """
    p = np.sort(np.asarray(probability, dtype=np.float64))
    negative = np.concatenate([[0.0], np.cumsum(1 - p)])
    left, right = np.searchsorted(p, p, "left"), np.searchsorted(p, p, "right")
    own = p * (1 - p)  # an encounter is no pair of two, and counts half in the ties with itself
    ordered = float((p * (negative[left] + negative[right]) / 2 - own / 2).sum())
    pairs = float(p.sum() * (1 - p).sum() - own.sum())
    return ordered / pairs if pairs > 0 else float("nan")
