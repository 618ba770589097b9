"""What a report may show of a batch and its reference: groups of at least eleven patients, the same on both sides.

A group that is small on one side only is pooled on both: else the pooling itself would look like drift.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pandas as pd

from health_predict.columns import PATIENT
from health_predict.errors import InputError
from health_predict.monitoring.monitored import MONITORED, bin_frame
from health_predict.monitoring.patient_groups import (
    Codes,
    holders,
    is_full,
    name_neighbours,
    name_nominal,
    neighbours,
)
from health_predict.monitoring.reference import ScoreSummary
from health_predict.privacy import SMALLEST_GROUP

Names = npt.NDArray[np.object_]
_SCORE_BINS = 20  # of a labelled batch, before small ones are merged


@dataclass(frozen=True)
class Grouped:
    """A reference and a batch, each with the group names of its rows in one column per watched column."""

    reference: pd.DataFrame
    batch: pd.DataFrame


@dataclass(frozen=True)
class Labelled:
    """n matured encounters.

    Attributes:
        probability: (n,) calibrated, 0..1.
        y: (n,) of 0 and 1.
        patients: (n,) who each row belongs to.
        threshold: from which probability on the model says 1.
    """

    probability: npt.NDArray[np.float64]
    y: npt.NDArray[np.int8]
    patients: npt.NDArray[np.int64]
    threshold: float


def group(reference: pd.DataFrame, batch: pd.DataFrame) -> Grouped:
    """Name the group of every watched value of m and n raw encounters.

    On each side a group holds no patient or at least eleven. Neighbours are merged where the order means something,
    the smallest levels elsewhere.

    Raises:
        InputError: a side has fewer than eleven patients.
    """
    frames = {"reference": reference, "batch": batch}
    patients = [_numbered(frame[PATIENT], side) for side, frame in frames.items()]
    levels = [bin_frame(frame) for frame in frames.values()]
    found: list[dict[str, Names]] = [{}, {}]
    for i, column in enumerate(MONITORED):
        sides = [holders(side[:, i], who, len(column.levels)) for side, who in zip(levels, patients, strict=True)]
        names = (name_neighbours if column.ordered else name_nominal)(sides, column.levels)
        for columns, side in zip(found, levels, strict=True):
            columns[column.name] = names[side[:, i]]
    return Grouped(*(pd.DataFrame(columns) for columns in found))


def group_scores(
    scores: ScoreSummary, rows: int, probability: npt.ArrayLike, patients: npt.ArrayLike
) -> tuple[Names, Names]:
    """Name the bins of the scores of a reference (rows,) and of a batch (n,).

    Of the reference only the stored counts of its out-of-fold scores are known: in-sample scores of the model would
    promise a spread that no batch has. They are spread over `rows` rows in the same proportions.

    Raises:
        InputError: the scores of the batch belong to fewer than eleven patients.
    """
    counts = np.array(scores.counts)
    stored = np.repeat(np.arange(len(counts)), counts)
    levels = np.searchsorted(np.array(scores.edges), np.asarray(probability, dtype=np.float64), side="right")
    # a stored row counts as a patient: its bins are tenths of a whole training window
    sides = [
        holders(stored, np.arange(len(stored)), len(counts)),
        holders(levels, _numbered(patients, "batch"), len(counts)),
    ]
    names = name_neighbours(sides, _intervals(scores.edges))
    spread = stored[((np.arange(rows) + 0.5) * len(stored) / rows).astype(np.intp)]
    return names[spread], names[levels]


def coarse_scores(labelled: Labelled) -> npt.NDArray[np.float64] | None:
    """Replace each of n probabilities by the mean of its bin, so that a point of a curve stands for many patients.

    Each bin lies on one side of the threshold and has at least eleven patients of either outcome; None if there are
    too few for that.
    """
    p, y = labelled.probability, labelled.y
    who = np.unique(labelled.patients, return_inverse=True)[1]
    edges = np.unique(np.quantile(p, np.linspace(0, 1, _SCORE_BINS + 1)[1:-1]))
    half = len(edges) + 1
    bins = np.searchsorted(edges, p, side="right") + np.where(p >= labelled.threshold, half, 0)
    sides = [holders(bins[y == outcome], who[y == outcome], 2 * half) for outcome in (0, 1)]
    coarse = np.full(len(p), np.nan)
    for levels in (range(half), range(half, 2 * half)):
        for members in neighbours(sides, [level for level in levels if level in bins], is_full):
            if is_full(sides, members):
                rows = np.isin(bins, members)
                coarse[rows] = p[rows].mean()
    return None if np.isnan(coarse).any() else coarse


def _numbered(patients: npt.ArrayLike, side: str) -> Codes:
    names, codes = np.unique(np.asarray(patients), return_inverse=True)
    if len(names) < SMALLEST_GROUP:
        raise InputError(f"monitoring: {side} of {len(names)} patients; a report needs at least {SMALLEST_GROUP}")
    return codes


def _intervals(edges: Sequence[float]) -> tuple[str, ...]:
    if not edges:
        return ("all",)
    inner = [f"{low:.3f}-{high:.3f}" for low, high in pairwise(edges)]
    return (f"<{edges[0]:.3f}", *inner, f">={edges[-1]:.3f}")
