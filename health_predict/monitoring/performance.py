"""How the champion does once labels have matured, and what AUROC its own scores promise before that."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import norm

from health_predict.errors import InputError
from health_predict.evaluation import Interval
from health_predict.monitoring.distance import Floats, spread
from health_predict.monitoring.reference import Reference, clustered_variance
from health_predict.trials import auroc

_Z = 1.959964  # the normal quantile of a 95 % interval


@dataclass(frozen=True)
class Performance:
    """A labelled batch.

    Attributes:
        observed, predicted: share of positives and mean score.
        calibration_z: (observed - predicted) in standard deviations without drift.
        auroc: realised, with a 95 % interval over patients; NaN with one outcome only.
        auroc_loss: (reference - batch) / sqrt(1/n + 1/m), the unit of its null; NaN with one outcome only.
    """

    rows: int
    observed: float
    predicted: float
    calibration_z: float
    auroc: Interval
    auroc_loss: float

    @property
    def calibration_p(self) -> float:
        """Two-sided p-value of the calibration test."""
        return float(2 * norm.sf(abs(self.calibration_z)))


def measure_performance(
    reference: Reference, y: npt.ArrayLike, probability: npt.ArrayLike, patients: npt.ArrayLike
) -> Performance:
    """Compare n > 0 matured outcomes with the scores the batch was given before they were known.

    Args:
        y: (n,) of 0 and 1.
        probability: (n,) calibrated, each 0..1.
        patients: (n,) who each row belongs to.

    Raises:
        InputError: the arrays are empty or differ in length.
    """
    truth, p = np.asarray(y, dtype=np.float64), np.asarray(probability, dtype=np.float64)
    if len(truth) == 0 or not len(truth) == len(p) == np.size(patients):
        raise InputError(f"monitoring: {len(truth):,} labels for {len(p):,} scores; give one label a scored row")
    realised = auroc_interval(truth, p, patients)
    loss = (reference.scores.auroc - realised.value) / np.sqrt(spread(len(p), reference.rows))
    return Performance(
        rows=len(p),
        observed=float(truth.mean()),
        predicted=float(p.mean()),
        calibration_z=_calibration_z(reference, truth, p, patients),
        auroc=realised,
        auroc_loss=float(loss),
    )


def _calibration_z(reference: Reference, y: Floats, p: Floats, patients: npt.ArrayLike) -> float:
    """Spiegelhalter's idea (Statistics in Medicine, 1986) for the mean: observed - expected positives over its sd.

    The variance is the largest of sum p(1 - p) and of the one that lets encounters of a patient depend, plus what the
    calibration of the reference itself does not know: without that, large batches would alarm too often.
    """
    gap = y - p
    binomial = float((p * (1 - p)).sum())
    within = max(binomial, clustered_variance(gap - gap.mean(), patients))
    return float(gap.sum() / np.sqrt(within + len(p) ** 2 * reference.scores.gap_variance))


def auroc_interval(y: npt.ArrayLike, score: npt.ArrayLike, patients: npt.ArrayLike) -> Interval:
    """Return the AUROC of (n,) scores with a 95 % interval that lets encounters of a patient depend.

    Structural components of DeLong et al. (Biometrics 1988), summed by patient as in Obuchowski (Biometrics 1997), on
    the logit scale, which keeps it within 0..1. All NaN with one outcome only.
    """
    truth, scores = np.asarray(y), np.asarray(score, dtype=np.float64)
    value = auroc(truth, scores)
    if not np.isfinite(value):
        return Interval(float("nan"), float("nan"), float("nan"))
    positive = truth == 1
    influence = np.empty(len(scores))
    influence[positive] = (_share_below(scores[~positive], scores[positive]) - value) / positive.sum()
    influence[~positive] = (1 - _share_below(scores[positive], scores[~positive]) - value) / (~positive).sum()
    if not 0 < value < 1:
        return Interval(value, value, value)
    half = _Z * np.sqrt(clustered_variance(influence, patients)) / (value * (1 - value))
    centre = np.log(value / (1 - value))
    low, high = (float(1 / (1 + np.exp(-x))) for x in (centre - half, centre + half))
    return Interval(value, low, high)


def _share_below(others: Floats, values: Floats) -> Floats:
    """Return which share of the others each value exceeds, ties counted half."""
    ordered = np.sort(others)
    left, right = (np.searchsorted(ordered, values, side) for side in ("left", "right"))
    return np.asarray((left + right) / (2 * len(ordered)))


def expected_auroc(probability: npt.ArrayLike) -> float:
    """Estimate the AUROC of (n,) calibrated scores before any label: the model-based concordance.

    Pairs of different patients in order, weighted by the probability that the first is positive and the second
    negative (van Klaveren et al., Statistics in Medicine 2016). Right as far as the scores are calibrated: compare it
    with the realised AUROC later. NaN if no pair can be expected.
    """
    p = np.sort(np.asarray(probability, dtype=np.float64))
    negative = np.concatenate([[0.0], np.cumsum(1 - p)])
    left, right = np.searchsorted(p, p, "left"), np.searchsorted(p, p, "right")
    own = p * (1 - p)  # a patient is no pair of two, and counts half in the ties with itself
    ordered = float((p * (negative[left] + negative[right]) / 2 - own / 2).sum())
    pairs = float(p.sum() * (1 - p).sum() - own.sum())
    return ordered / pairs if pairs > 0 else float("nan")
