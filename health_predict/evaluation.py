"""Scores of one model on labelled encounters, each with its patient-bootstrap interval."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from health_predict import bootstrap
from health_predict.calibration import fit_calibration
from health_predict.errors import InputError

Floats = npt.NDArray[np.float64]

BINS = 15  # quantile bins of the calibration error and of the reliability curve
ALERT_SHARES = (0.1, 0.2)  # recall is reported for alerts on this share of the encounters
CALIBRATION_DRAWS = 200  # at most, since each draw is a logistic fit


@dataclass(frozen=True)
class Interval:
    """A score with its 95 % interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} ({self.low:.3f}-{self.high:.3f})"


@dataclass(frozen=True)
class Evaluation:
    """How one model does on one set of encounters.

    Attributes:
        auroc, auprc, brier, f1: at the model's threshold where one is needed.
        calibration_slope, calibration_intercept: 1 and 0 for a calibrated model (Cox 1958).
        ece: mean |observed - predicted| over 15 quantile bins, weighted by size.
        recall_at_10, recall_at_20: share of the positives that the 10 % and 20 % with the highest probability hold.
    """

    rows: int
    patients: int
    positives: int
    threshold: float
    auroc: Interval
    auprc: Interval
    brier: Interval
    f1: Interval
    ece: Interval
    calibration_slope: Interval
    calibration_intercept: Interval
    recall_at_10: Interval
    recall_at_20: Interval

    @property
    def metrics(self) -> dict[str, Interval]:
        """The scores by name."""
        return {name: value for name, value in vars(self).items() if isinstance(value, Interval)}


def evaluate(
    y: npt.ArrayLike,
    probability: npt.ArrayLike,
    patients: npt.ArrayLike,
    *,
    threshold: float,
    seed: int,
    draws: int = 1000,
) -> Evaluation:
    """Score probabilities against outcomes.

    Args:
        y: (n,) of 0 and 1, both present.
        probability: (n,) in 0..1.
        patients: (n,) who each row belongs to; intervals resample patients, not rows.
        threshold: at or above it the prediction is 1.

    Raises:
        InputError: one outcome only, fewer than 2 patients, or a probability outside 0..1.
    """
    truth, p = np.asarray(y, dtype=np.int8), np.asarray(probability, dtype=np.float64)
    _check(truth, p, patients)
    measures = _measures(truth, p, threshold)
    once = np.ones((1, len(truth)), np.int32)
    samples: dict[str, list[Floats]] = {name: [] for name in measures}
    for block in bootstrap.patient_weights(patients, draws, seed):
        for name, measure in measures.items():
            samples[name].append(measure(block))
    scores = {
        name: _with_interval(name, float(measure(once)[0]), np.concatenate(samples[name]))
        for name, measure in measures.items()
    }
    slope, intercept = _calibration_line(truth, p, patients, min(draws, CALIBRATION_DRAWS), seed)
    return Evaluation(
        rows=len(truth),
        patients=len(np.unique(np.asarray(patients))),
        positives=int(truth.sum()),
        threshold=threshold,
        calibration_slope=slope,
        calibration_intercept=intercept,
        **scores,
    )


def _check(y: npt.NDArray[np.int8], p: Floats, patients: npt.ArrayLike) -> None:
    """Refuse what would end in NaN or in an interval of no width."""
    invalid = int((~((p >= 0) & (p <= 1))).sum())
    if invalid:
        raise InputError(f"evaluation: {invalid:,} of {len(p):,} probabilities are not within 0 to 1; train again")
    if len(np.unique(y)) < 2:
        raise InputError(f"evaluation: {len(y):,} encounters of one outcome only; give more labelled encounters")
    if len(np.unique(np.asarray(patients))) < 2:
        raise InputError(f"evaluation: {len(y):,} encounters of one patient only; give more labelled encounters")


def _with_interval(name: str, value: float, draws: Floats) -> Interval:
    """Resampling adds noise of its own to a mean of absolute gaps, so the draws of the ECE are moved to its value."""
    moved = np.maximum(draws - draws.mean() + value, 0.0) if name == "ece" else draws
    return Interval(value, *bootstrap.interval(moved))


def _measures(y: npt.NDArray[np.int8], p: Floats, threshold: float) -> dict[str, Callable[[bootstrap.Weights], Floats]]:
    """Name every score as a function of a (draws, n) block of weights."""
    predicted, bins = p >= threshold, quantile_bins(p)
    return {
        "auroc": lambda w: bootstrap.weighted_auroc(y, p, w),
        "auprc": lambda w: bootstrap.weighted_average_precision(y, p, w),
        "brier": lambda w: bootstrap.weighted_brier(y, p, w),
        "f1": lambda w: bootstrap.weighted_f1(y, predicted, w),
        "ece": lambda w: _weighted_ece(y, p, bins, w),
        "recall_at_10": lambda w: _recall_at(y, p, ALERT_SHARES[0], w),
        "recall_at_20": lambda w: _recall_at(y, p, ALERT_SHARES[1], w),
    }


def quantile_bins(probability: npt.ArrayLike, bins: int = BINS) -> npt.NDArray[np.intp]:
    """Number each row's quantile bin, 0 to bins - 1; rows of one probability share a bin."""
    p = np.asarray(probability)
    edges = np.quantile(p, np.linspace(0, 1, bins + 1)[1:-1])
    return np.searchsorted(edges, p, side="right")


def _weighted_ece(y: npt.NDArray[np.int8], p: Floats, bins: npt.NDArray[np.intp], weights: bootstrap.Weights) -> Floats:
    """|sum over a bin of (y - p)|, summed over the bins and divided by the total weight."""
    member = np.eye(BINS)[bins]
    gaps = np.abs((weights * (y - p)) @ member).sum(axis=1)
    return np.asarray(gaps / weights.sum(axis=1))


def _recall_at(y: npt.NDArray[np.int8], p: Floats, share: float, weights: bootstrap.Weights) -> Floats:
    """Alert from the highest probability down until `share` of the weight is used; of equals, negatives first."""
    order = np.lexsort((y, -p))
    ordered = weights[:, order].astype(np.float64)
    alerted = np.cumsum(ordered, axis=1) <= share * ordered.sum(axis=1, keepdims=True)
    positives = ordered * y[order]
    with np.errstate(invalid="ignore"):  # a draw without positives has no recall; the interval leaves it out
        return np.asarray((positives * alerted).sum(axis=1) / positives.sum(axis=1))


def _calibration_line(
    y: npt.NDArray[np.int8], p: Floats, patients: npt.ArrayLike, draws: int, seed: int
) -> tuple[Interval, Interval]:
    centre = fit_calibration(y, p)
    fits = [
        fit_calibration(y, p, weights)
        for block in bootstrap.patient_weights(patients, draws, seed)
        for weights in block
        if 0 < weights @ y < weights.sum()  # a draw with one outcome has no line
    ]
    slopes, intercepts = np.array([f.slope for f in fits]), np.array([f.intercept for f in fits])
    return (
        Interval(centre.slope, *bootstrap.interval(slopes)),
        Interval(centre.intercept, *bootstrap.interval(intercepts)),
    )
