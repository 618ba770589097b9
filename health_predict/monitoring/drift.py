"""How far a batch is from the reference, column by column and weighted by what the model looks at. No labels."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import norm

from health_predict.columns import PATIENT
from health_predict.monitoring.dependence import cluster_size, spread
from health_predict.monitoring.distance import Floats, divergences, size_free
from health_predict.monitoring.monitored import bin_frame
from health_predict.monitoring.null import standardise
from health_predict.monitoring.reference import Reference

_RARE = 1e-4  # chance per column from which new values of a constant column count as drift


@dataclass(frozen=True)
class ColumnDrift:
    """One column: its Jensen-Shannon distance to the reference, 0..1, and how many null sd that is above the mean."""

    column: str
    distance: float
    deviation: float


@dataclass(frozen=True)
class Drift:
    """A batch against the reference.

    Attributes:
        columns: every watched column, the largest deviation first.
        distance: mean of the distances weighted by importance, 0..1.
        impact: the same of each distance over its unit, to compare with its null.
    """

    rows: int
    columns: tuple[ColumnDrift, ...]
    distance: float
    impact: float

    @property
    def largest(self) -> float:
        """The largest deviation."""
        return self.columns[0].deviation


def measure_drift(reference: Reference, batch: pd.DataFrame) -> Drift:
    """Compare n > 0 raw encounters with the reference; takes a few milliseconds."""
    layout = reference.layout
    divergence = divergences(layout, layout.count(bin_frame(batch)), np.array(reference.counts, dtype=np.float64))
    sizes = (len(batch), cluster_size(batch[PATIENT]), reference.rows, reference.cluster_size)
    unit = spread(*sizes, np.array(reference.correlations))
    deviation = _deviations(reference, size_free(divergence, unit), len(batch))
    distance = np.sqrt(divergence)
    order = np.argsort(-deviation, kind="stable")
    columns = tuple(
        ColumnDrift(reference.cells[i].column, float(distance[i]), float(deviation[i])) for i in order.tolist()
    )
    weights = reference.weights
    return Drift(len(batch), columns, float(distance @ weights), float((distance / np.sqrt(unit)) @ weights))


def _deviations(reference: Reference, columns: Floats, rows: int) -> Floats:
    """Standardise; where the reference has one value only, no draw differs and the unit is derived instead."""
    null = reference.null.at(rows)
    found = standardise(columns, null.mean, null.sd)
    constant = (null.sd == 0) & (columns > 0)
    return np.where(constant, columns / _constant_unit(rows, reference.rows), found)


def _constant_unit(rows: int, reference_rows: int) -> float:
    """The sd of a column that has one value in all m reference rows, such as a payer that is never known.

    If k of n + m exchangeable rows differ, all k fall in the batch with a chance below (n / (n + m))^k. The smallest k
    for which that is under 1e-4 is given the deviation that a normal exceeds as rarely. k / 2n is its divergence.
    """
    chance = rows / (rows + reference_rows)
    differing = np.ceil(np.log(_RARE) / np.log(chance))
    divergence: npt.NDArray[np.float64] = np.array(differing / (2 * rows))
    return float(size_free(divergence, 1 / rows + 1 / reference_rows) / norm.isf(_RARE))
