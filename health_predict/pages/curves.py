"""Curves of a scored model as aggregates: every step between two points of a curve holds at least 11 patients."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from health_predict.evaluation import quantile_bins
from health_predict.privacy import SMALLEST_GROUP
from health_predict.rates import Rate, pool_adjacent, rate, rates

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]

WORTHWHILE = 0.005  # net true positives per encounter; less is within the noise of a few thousand encounters
_STEPS = 100  # of a curve, at most
_COLUMNS = 40  # of the score histogram over 0..1, at most


@dataclass(frozen=True)
class OperatingPoints:
    """Counts of (k,) thresholds in rising order, from 0 on; at or above a threshold the prediction is positive."""

    threshold: Floats
    true_positives: Counts
    false_positives: Counts
    positives: int
    negatives: int

    @property
    def prevalence(self) -> float:
        """Share of positives."""
        return self.positives / self._rows

    @property
    def sensitivity(self) -> Floats:
        """Share of the positives at or above each threshold."""
        return self.true_positives / self.positives

    @property
    def false_positive_rate(self) -> Floats:
        """Share of the negatives at or above each threshold."""
        return self.false_positives / self.negatives

    @property
    def precision(self) -> Floats:
        """Share of positives among those at or above each threshold."""
        return self.true_positives / (self.true_positives + self.false_positives)

    @property
    def benefit(self) -> Floats:
        """Net benefit per row of acting on the model at each threshold."""
        return net_benefit(self.true_positives, self.false_positives, self._rows, self.threshold)

    @property
    def benefit_of_everyone(self) -> Floats:
        """Net benefit per row of acting on all rows; that of acting on none is 0."""
        return net_benefit(self.positives, self.negatives, self._rows, self.threshold)

    @property
    def useful_range(self) -> tuple[float, float] | None:
        """The longest run of thresholds at which the model gains WORTHWHILE over acting on all and on none."""
        gain = self.benefit - np.maximum(self.benefit_of_everyone, 0)
        worth = np.flatnonzero(gain >= WORTHWHILE)
        run = max(np.split(worth, np.flatnonzero(np.diff(worth) > 1) + 1), key=len)
        return (float(self.threshold[run[0]]), float(self.threshold[run[-1]])) if run.size > 1 else None

    @property
    def _rows(self) -> int:
        return self.positives + self.negatives


def operating_points(y: npt.ArrayLike, probability: npt.ArrayLike, patients: npt.ArrayLike) -> OperatingPoints:
    """Count (n,) rows with both outcomes at up to 100 thresholds, the quantiles of the probability."""
    truth, p = np.asarray(y, dtype=np.int64), np.asarray(probability, dtype=np.float64)
    edges = np.unique(np.quantile(p, np.linspace(0, 1, _STEPS + 1)[1:-1]).round(4))
    fine = np.searchsorted(edges, p, side="right")
    steps = pool_adjacent(fine, patients)
    lowest = np.array([fine[steps == step].min() for step in range(int(steps.max()) + 1)])
    from_top = np.cumsum(np.bincount(steps)[::-1])[::-1]
    hits = np.cumsum(np.bincount(steps, truth).astype(np.int64)[::-1])[::-1]
    positives = int(truth.sum())
    thresholds = np.concatenate([[0.0], edges])[lowest]
    return OperatingPoints(thresholds, hits, from_top - hits, positives, len(truth) - positives)


def net_benefit(
    true_positives: npt.ArrayLike, false_positives: npt.ArrayLike, rows: int, threshold: npt.ArrayLike
) -> Floats:
    """Return TP/n - FP/n * t/(1 - t) for thresholds t in 0..1, 1 excluded.

    Vickers and Elkin, "Decision curve analysis", Medical Decision Making 2006.
    """
    t = np.asarray(threshold, dtype=np.float64)
    return np.asarray((np.asarray(true_positives) - np.asarray(false_positives) * t / (1 - t)) / rows)


@dataclass(frozen=True)
class Histogram:
    """Columns between (k + 1,) edges with (k,) heights; the area of all columns is 1."""

    edges: Floats
    density: Floats


def histogram(probability: npt.ArrayLike, patients: npt.ArrayLike) -> Histogram:
    """Spread (n,) probabilities over columns of .025, wider where one would hold under 11 patients."""
    p = np.asarray(probability, dtype=np.float64)
    fine = np.minimum((p * _COLUMNS).astype(np.intp), _COLUMNS - 1)
    columns = pool_adjacent(fine, patients)
    counts = np.bincount(columns)
    lowest = [int(fine[columns == column].min()) for column in range(len(counts))]
    edges = np.array([*lowest, int(fine.max()) + 1]) / _COLUMNS
    return Histogram(edges, counts / (len(p) * np.diff(edges)))


@dataclass(frozen=True)
class ReliabilityBin:
    """Mean prediction and observed rate of one quantile bin."""

    predicted: float
    observed: Rate


def reliability(y: npt.ArrayLike, probability: npt.ArrayLike, patients: npt.ArrayLike) -> tuple[ReliabilityBin, ...]:
    """Compare prediction and outcome in the quantile bins of the calibration error, pooled to 11 patients."""
    p = np.asarray(probability, dtype=np.float64)
    bins = pool_adjacent(quantile_bins(p), patients)
    predicted = np.bincount(bins, p) / np.bincount(bins)
    labels = [str(position + 1) for position in range(len(predicted))]
    observed = rates(bins, labels, y, patients)
    return tuple(ReliabilityBin(float(p), o) for p, o in zip(predicted, observed, strict=True))


@dataclass(frozen=True)
class Confusion:
    """Rows by outcome and prediction, and what follows for each of the four readings."""

    true_positives: int
    false_positives: int
    false_negatives: int
    true_negatives: int
    sensitivity: Rate
    specificity: Rate
    precision: Rate
    negative_precision: Rate


def confusion(
    y: npt.ArrayLike, probability: npt.ArrayLike, patients: npt.ArrayLike, threshold: float
) -> Confusion | None:
    """Count rows by outcome and prediction; None if one of the four cells holds under 11 patients."""
    truth, names = np.asarray(y) == 1, np.asarray(patients)
    alarm = np.asarray(probability) >= threshold
    cells = (truth & alarm, ~truth & alarm, truth & ~alarm, ~truth & ~alarm)
    hits, false_alarms, misses, rejections = (int(cell.sum()) for cell in cells)
    if min(len(np.unique(names[cell])) for cell in cells) < SMALLEST_GROUP:
        return None
    return Confusion(
        true_positives=hits,
        false_positives=false_alarms,
        false_negatives=misses,
        true_negatives=rejections,
        sensitivity=rate("sensitivity", alarm[truth], names[truth]),
        specificity=rate("specificity", ~alarm[~truth], names[~truth]),
        precision=rate("precision", truth[alarm], names[alarm]),
        negative_precision=rate("negative precision", ~truth[~alarm], names[~alarm]),
    )
