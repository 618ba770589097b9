"""What a report may show of a batch and its reference: groups of at least eleven patients, the same on both sides.

A group that is small on one side only is pooled on both: else the pooling itself would look like drift.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from health_predict.columns import PATIENT
from health_predict.errors import InputError
from health_predict.monitoring.monitored import MONITORED, bin_frame
from health_predict.monitoring.reference import ScoreSummary
from health_predict.privacy import POOLED, SMALLEST_GROUP

Codes = npt.NDArray[np.intp]
Holders = npt.NDArray[np.bool_]  # (patients, levels): which patient has which level
Group = list[int]

SCORE = "predicted risk"
_SCORE_BINS = 20  # of a labelled batch, before small ones are merged


@dataclass(frozen=True)
class Grouped:
    """A reference and a batch with one column of group names per watched column."""

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
    the smallest groups elsewhere.

    Raises:
        InputError: a side has fewer than eleven patients.
    """
    patients = [_codes(side[PATIENT].to_numpy(), name) for side, name in ((reference, "reference"), (batch, "batch"))]
    levels = [bin_frame(reference).astype(np.intp), bin_frame(batch).astype(np.intp)]
    columns: list[dict[str, npt.NDArray[np.object_]]] = [{}, {}]
    for i, column in enumerate(MONITORED):
        sides = [_holders(side[:, i], who, len(column.levels)) for side, who in zip(levels, patients, strict=True)]
        names = (_merge_neighbours if column.ordered else _pool_smallest)(sides, column.levels)
        for found, side in zip(columns, levels, strict=True):
            found[column.name] = names[side[:, i]]
    return Grouped(pd.DataFrame(columns[0]), pd.DataFrame(columns[1]))


def group_scores(
    scores: ScoreSummary, rows: int, probability: npt.ArrayLike, patients: npt.ArrayLike
) -> tuple[npt.NDArray[np.object_], npt.NDArray[np.object_]]:
    """Name the bin of every score, for the reference from its stored out-of-fold counts and for n scores of a batch.

    The reference is known by its counts alone; they are spread over `rows` rows in the same proportions.

    Raises:
        InputError: the scores belong to fewer than eleven patients.
    """
    counts = np.array(scores.counts)
    kept = np.repeat(np.arange(len(counts)), counts)
    levels = np.searchsorted(np.array(scores.edges), np.asarray(probability, dtype=np.float64), side="right")
    who = _codes(np.asarray(patients), "batch")
    # a stored row counts as a patient: its bins are tenths of a whole training window
    sides = [_holders(kept, np.arange(len(kept)), len(counts)), _holders(levels, who, len(counts))]
    names = _merge_neighbours(sides, _interval_names(scores.edges))
    spread = kept[((np.arange(rows) + 0.5) * len(kept) / rows).astype(np.intp)]
    return names[spread], names[levels]


def coarse_scores(labelled: Labelled) -> npt.NDArray[np.float64] | None:
    """Replace each probability by the mean of its bin, so that every point of a curve stands for many patients.

    Each bin lies on one side of the threshold and holds eleven patients of either outcome; None if that cannot be.
    """
    p, y = labelled.probability, labelled.y
    if not 0 < int(y.sum()) < len(y):
        return None
    edges = np.unique(np.quantile(p, np.linspace(0, 1, _SCORE_BINS + 1)[1:-1]))
    levels = np.searchsorted(edges, p, side="right") + np.where(p >= labelled.threshold, len(edges) + 1, 0)
    who = np.unique(labelled.patients, return_inverse=True)[1]
    size = 2 * (len(edges) + 1)
    sides = [_holders(levels[y == outcome], who[y == outcome], size) for outcome in (0, 1)]
    below, above = np.arange(size // 2), np.arange(size // 2, size)
    groups = [*_neighbours(sides, below, _is_full), *_neighbours(sides, above, _is_full)]
    if not all(_is_full(sides, members) for members in groups):
        return None
    coarse = np.empty(len(p))
    for members in groups:
        rows = np.isin(levels, members)
        coarse[rows] = p[rows].mean()
    return coarse


def _codes(patients: npt.NDArray[np.int64], side: str) -> Codes:
    names, codes = np.unique(patients, return_inverse=True)
    if len(names) < SMALLEST_GROUP:
        raise InputError(
            f"monitoring: {side} has {len(names)} patients, a report needs {SMALLEST_GROUP}; take a larger one"
        )
    return codes


def _holders(levels: Codes, patients: Codes, size: int) -> Holders:
    found = np.zeros((int(patients.max(initial=-1)) + 1, size), dtype=np.bool_)
    found[patients, levels] = True
    return found


def _counts(sides: Sequence[Holders], members: Group) -> list[int]:
    return [int(side[:, members].any(axis=1).sum()) for side in sides]


def _may_show(sides: Sequence[Holders], members: Group) -> bool:
    return all(count == 0 or count >= SMALLEST_GROUP for count in _counts(sides, members))


def _is_full(sides: Sequence[Holders], members: Group) -> bool:
    return min(_counts(sides, members)) >= SMALLEST_GROUP


def _seen(sides: Sequence[Holders]) -> Codes:
    return np.flatnonzero(np.any([side.any(axis=0) for side in sides], axis=0))


def _merge_neighbours(sides: Sequence[Holders], levels: Sequence[str]) -> npt.NDArray[np.object_]:
    names = np.array(levels, dtype=object)
    for members in _neighbours(sides, _seen(sides), _may_show):
        if len(members) > 1:
            names[members] = f"{levels[members[0]]} to {levels[members[-1]]}"
    return names


def _neighbours(
    sides: Sequence[Holders], levels: Codes, fits: Callable[[Sequence[Holders], Group], bool]
) -> list[Group]:
    """Merge levels from below until each group fits; the last one takes back as many as it needs."""
    groups: list[Group] = []
    current: Group = []
    for level in levels.tolist():
        current.append(level)
        if fits(sides, current):
            groups.append(current)
            current = []
    while current and groups and not fits(sides, current):
        current = groups.pop() + current
    return [*groups, current] if current else groups


def _pool_smallest(sides: Sequence[Holders], levels: Sequence[str]) -> npt.NDArray[np.object_]:
    """Pool what is too small to show, and then the smallest of the rest until the pool can be shown."""
    seen = _seen(sides)
    sizes = np.sum([side.sum(axis=0) for side in sides], axis=0)
    order = seen[np.argsort(sizes[seen], kind="stable")].tolist()
    pool = [level for level in order if not _may_show(sides, [level])]
    rest = [level for level in order if level not in pool]
    while pool and rest and not _may_show(sides, pool):
        pool.append(rest.pop(0))
    names = np.array(levels, dtype=object)
    names[pool] = POOLED
    return names


def _interval_names(edges: Sequence[float]) -> tuple[str, ...]:
    inner = [f"{low:.3f}-{high:.3f}" for low, high in zip(edges[:-1], edges[1:], strict=True)]
    return (f"<{edges[0]:.3f}", *inner, f">={edges[-1]:.3f}") if edges else ("all",)
