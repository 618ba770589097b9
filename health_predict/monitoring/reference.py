"""What a champion brings along to be watched by: aggregates of its training window, made once in training.

Histograms of the watched columns, importances, a summary of its calibrated out-of-fold scores, and seeded nulls. No row
of a patient is kept, and no cell tells about fewer than eleven.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from health_predict.columns import PATIENT
from health_predict.errors import InputError
from health_predict.monitoring.cells import Cells, Layout, pool
from health_predict.monitoring.concordance import auroc_influence
from health_predict.monitoring.dependence import cluster_size, clustered_variance, column_correlations, correlation
from health_predict.monitoring.monitored import NAMES, bin_frame
from health_predict.monitoring.null import Drawable, Null, build_null
from health_predict.privacy import SMALLEST_GROUP

Floats = npt.NDArray[np.float64]

SIZES = (250, 1000, 5000)  # batch sizes that a null is drawn at, besides the configured one
DRAWS = 5000


@dataclass(frozen=True)
class ScoreSummary:
    """The calibrated out-of-fold scores of the training window against its outcomes.

    Attributes:
        observed, predicted: share of positives and mean score.
        auroc_correlation: within patients, of what an encounter contributes to the AUROC.
        gap_variance: of observed - predicted, counting patients and not rows: what the reference does not know itself.
        edges, counts: ten quantile bins of the score, (9,) and (10,).
    """

    observed: float
    predicted: float
    auroc: float
    auroc_correlation: float
    gap_variance: float
    edges: tuple[float, ...]
    counts: tuple[int, ...]


@dataclass(frozen=True)
class Reference:
    """Everything a batch is compared with.

    Attributes:
        counts: rows in each cell, in the order of the cells of all columns.
        importances: share of each watched column, adding up to 1.
        cluster_size, correlations: mean number of encounters of an encounter's patient, and the correlation within
            patients of each watched column: how much less than independent encounters the reference is worth.
    """

    rows: int
    cluster_size: float
    correlations: tuple[float, ...]
    cells: tuple[Cells, ...]
    counts: tuple[int, ...]
    importances: Mapping[str, float]
    scores: ScoreSummary
    null: Null

    @cached_property
    def layout(self) -> Layout:
        """The cells side by side."""
        return Layout(self.cells)

    @cached_property
    def weights(self) -> Floats:
        """The importances in the order of the watched columns."""
        return np.array([self.importances[name] for name in NAMES])


def build_reference(
    frame: pd.DataFrame,
    y: npt.ArrayLike,
    probability: npt.ArrayLike,
    importances: Mapping[str, float],
    *,
    sizes: Sequence[int] = SIZES,
    draws: int = DRAWS,
    seed: int,
) -> Reference:
    """Sum up a training window.

    Args:
        frame: m raw encounters of at least eleven patients, the target not needed.
        y: (m,) of 0 and 1, both present.
        probability: (m,) calibrated out-of-fold scores: in-sample ones would promise an AUROC no batch can reach.
        sizes: batch sizes to draw a null at; those above half of m are left out.
        draws: per size.

    Raises:
        InputError: fewer than eleven patients, one outcome only, or too few draws.
    """
    truth, score = np.asarray(y, dtype=np.int8), np.asarray(probability, dtype=np.float64)
    patients = frame[PATIENT].to_numpy()
    _check(truth, patients)
    levels = bin_frame(frame)
    layout = Layout(cells := pool(levels, patients))
    encoded, weights = layout.encode(levels), np.array([importances[name] for name in NAMES])
    return Reference(
        rows=len(frame),
        cluster_size=cluster_size(patients),
        correlations=tuple(column_correlations(layout, encoded, patients).tolist()),
        cells=cells,
        counts=tuple(layout.count(levels).astype(int).tolist()),
        importances=dict(importances),
        scores=_summarise(truth, score, patients),
        null=build_null(Drawable(layout, encoded, weights, truth, score), sizes, draws=draws, seed=seed),
    )


def _check(y: npt.NDArray[np.int8], patients: npt.NDArray[np.int64]) -> None:
    if len(np.unique(patients)) < SMALLEST_GROUP:
        raise InputError(f"monitoring: a reference of fewer than {SMALLEST_GROUP} patients; train on a larger file")
    if len(np.unique(y)) < 2:
        raise InputError("monitoring: all reference encounters have the same outcome; train on a larger file")


def _summarise(y: npt.NDArray[np.int8], score: Floats, patients: npt.NDArray[np.int64]) -> ScoreSummary:
    edges, counts = score_bins(score)
    value, influence = auroc_influence(y, score)
    effect = clustered_variance(influence, patients) / float((influence**2).sum())
    return ScoreSummary(
        observed=float(y.mean()),
        predicted=float(score.mean()),
        auroc=value,
        auroc_correlation=correlation(effect, cluster_size(patients)),
        gap_variance=clustered_variance(y - score, patients) / len(y) ** 2,
        edges=edges,
        counts=counts,
    )


def score_bins(score: Floats) -> tuple[tuple[float, ...], tuple[int, ...]]:
    """Return the inner edges and the counts of up to ten quantile bins of (m,) scores."""
    edges = np.unique(np.quantile(score, np.linspace(0, 1, 11)[1:-1]))
    counts = np.bincount(np.searchsorted(edges, score, side="right"), minlength=len(edges) + 1)
    return tuple(edges.tolist()), tuple(counts.tolist())
