"""How the champion does once labels have matured, against what its reference leads to expect."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from scipy.stats import norm

from health_predict.errors import InputError
from health_predict.evaluation import Interval
from health_predict.monitoring.concordance import auroc_interval
from health_predict.monitoring.dependence import Floats, cluster_size, clustered_variance, spread
from health_predict.monitoring.reference import Reference


@dataclass(frozen=True)
class Performance:
    """A labelled batch.

    Attributes:
        observed, predicted: share of positives and mean score.
        calibration_z: (observed - predicted) in standard deviations without drift.
        auroc: realised, with a 95 % interval over patients; NaN with one outcome only.
        auroc_loss: AUROC of the reference minus the realised one; NaN with one outcome only.
        auroc_unit: what the loss is divided by to compare it with its null.
    """

    rows: int
    observed: float
    predicted: float
    calibration_z: float
    auroc: Interval
    auroc_loss: float
    auroc_unit: float

    @property
    def calibration_p(self) -> float:
        """Two-sided p-value of the calibration test."""
        return float(2 * norm.sf(abs(self.calibration_z)))

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain JSON values; what is not a number is None."""
        values = {**asdict(self), "auroc": {k: _number(v) for k, v in asdict(self.auroc).items()}}
        return {name: value if isinstance(value, dict | int) else _number(value) for name, value in values.items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Return what `as_dict` wrote."""
        known: dict[str, Any] = {
            name: np.nan if value is None else value for name, value in values.items() if name != "auroc"
        }
        interval = {name: np.nan if value is None else value for name, value in values["auroc"].items()}
        return cls(**known, auroc=Interval(**interval))


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


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
    realised, scores = auroc_interval(truth, p, patients), reference.scores
    sizes = (len(p), cluster_size(patients), reference.rows, reference.cluster_size)
    return Performance(
        rows=len(p),
        observed=float(truth.mean()),
        predicted=float(p.mean()),
        calibration_z=_calibration_z(scores.gap_variance, truth, p, patients),
        auroc=realised,
        auroc_loss=scores.auroc - realised.value,
        auroc_unit=float(np.sqrt(spread(*sizes, scores.auroc_correlation))),
    )


def _calibration_z(gap_variance: float, y: Floats, p: Floats, patients: npt.ArrayLike) -> float:
    """Observed minus expected positives over its sd: the idea of Spiegelhalter (Statistics in Medicine, 1986).

    The variance is the larger of sum p (1 - p) and of the one that lets encounters of a patient depend, plus what the
    calibration of the reference itself does not know: without that, large batches would alarm too often.
    """
    gap = y - p
    within = max(float((p * (1 - p)).sum()), clustered_variance(gap - gap.mean(), patients))
    return float(gap.sum() / np.sqrt(within + len(p) ** 2 * gap_variance))
