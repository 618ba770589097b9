"""A champion's calibration moved to the newest labelled encounters: the intercept alone, so that no order changes."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq

from health_predict.calibration import Calibration
from health_predict.errors import InputError
from health_predict.monitoring.dependence import clustered_variance
from health_predict.monitoring.reference import Reference

_FARTHEST = 20.0  # on the logit scale; no share of positives of real data is beyond


@dataclass(frozen=True)
class Recalibration:
    """The new calibration and the reference that goes with it.

    Attributes:
        shift: what was added to the intercept, on the logit scale.
    """

    calibration: Calibration
    reference: Reference
    shift: float


def recalibrate(
    calibration: Calibration,
    reference: Reference,
    y: npt.ArrayLike,
    raw_score: npt.ArrayLike,
    patients: npt.ArrayLike,
) -> Recalibration:
    """Set the intercept so that the mean probability of n labelled encounters is their share of positives.

    The maximum-likelihood update of the intercept with the slope held (Steyerberg et al., Statistics in Medicine 2004).
    The reference keeps its histograms, nulls and AUROC; what it does not know of the calibration is now that of these
    encounters.

    Raises:
        InputError: the encounters have one outcome only.
    """
    truth, score = np.asarray(y, dtype=np.float64), np.asarray(raw_score, dtype=np.float64)
    if len(np.unique(truth)) < 2:
        raise InputError(f"recalibration: {len(truth):,} encounters of one outcome only; wait for more labels")

    def gap(shift: float) -> float:
        moved = replace(calibration, intercept=calibration.intercept + shift)
        return float((truth - moved.apply(score)).mean())

    shift = float(brentq(gap, -_FARTHEST, _FARTHEST, xtol=1e-10))
    new = replace(calibration, intercept=calibration.intercept + shift)
    return Recalibration(new, _moved(reference, truth, new.apply(score), patients, shift), shift)


def _moved(
    reference: Reference,
    y: npt.NDArray[np.float64],
    probability: npt.NDArray[np.float64],
    patients: npt.ArrayLike,
    shift: float,
) -> Reference:
    edges = Calibration(intercept=shift).apply(reference.scores.edges)
    scores = replace(
        reference.scores,
        observed=float(y.mean()),
        predicted=float(probability.mean()),
        gap_variance=clustered_variance(y - probability, patients) / len(y) ** 2,
        edges=tuple(edges.tolist()),
    )
    return replace(reference, scores=scores)
