"""Shares of groups of encounters with their intervals; a group under 11 patients is pooled with its neighbour."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from health_predict.evaluation import Interval
from health_predict.privacy import POOLED, SMALLEST_GROUP

Codes = npt.NDArray[np.intp]

_Z = 1.959964  # the normal quantile of a 95 % interval


@dataclass(frozen=True)
class Rate:
    """The share of positives in one group, with a 95 % interval that counts patients, not rows."""

    label: str
    rows: int
    patients: int
    share: Interval


def wilson(share: float, count: float) -> tuple[float, float]:
    """Return the 95 % interval of a share 0..1 seen in `count` > 0 independent cases (Wilson, JASA 1927)."""
    centre = share + _Z**2 / (2 * count)
    half = _Z * np.sqrt(share * (1 - share) / count + _Z**2 / (4 * count**2))
    scale = 1 + _Z**2 / count
    return max(0.0, float((centre - half) / scale)), min(1.0, float((centre + half) / scale))


def effective_count(y: npt.ArrayLike, patients: npt.ArrayLike) -> float:
    """Return how many independent cases n rows are worth, as encounters of one patient resemble each other.

    n over the design effect of the share, linearised over patients, at least 1 (Kish, Survey Sampling, 1965; used
    in Wilson's interval as by Korn and Graubard, Survey Methodology 1998). With one outcome only, the patients count.
    """
    outcome = np.asarray(y, dtype=np.float64)
    names, codes = np.unique(np.asarray(patients), return_inverse=True)
    independent = len(outcome) * outcome.mean() * (1 - outcome.mean())
    if independent == 0:
        return float(len(names))
    clustered = float((np.bincount(codes, outcome - outcome.mean()) ** 2).sum())
    return float(len(outcome) * independent / max(clustered, independent))


def rate(label: str, y: npt.ArrayLike, patients: npt.ArrayLike) -> Rate:
    """Measure the share of ones in (n,) outcomes of a group with at least one row."""
    outcome = np.asarray(y, dtype=np.float64)
    share = float(outcome.mean())
    interval = Interval(share, *wilson(share, effective_count(outcome, patients)))
    return Rate(label, len(outcome), len(np.unique(np.asarray(patients))), interval)


def rates(codes: npt.ArrayLike, labels: Sequence[str], y: npt.ArrayLike, patients: npt.ArrayLike) -> tuple[Rate, ...]:
    """Measure every group; `codes` (n,) number the groups from 0 and `labels` name them. Empty groups are left out."""
    group, outcome, names = np.asarray(codes), np.asarray(y), np.asarray(patients)
    members = [(label, np.flatnonzero(group == code)) for code, label in enumerate(labels)]
    return tuple(rate(label, outcome[rows], names[rows]) for label, rows in members if len(rows))


def pool_adjacent(codes: npt.ArrayLike, patients: npt.ArrayLike) -> Codes:
    """Merge neighbouring groups of an order until each holds 11 patients; a short last one joins the one before.

    Returns:
        (n,) new numbers from 0, in the same order; one group if all together hold fewer than 11.
    """
    old, names = np.asarray(codes), np.asarray(patients)
    distinct, position = np.unique(old, return_inverse=True)
    new, current, seen = np.zeros(len(distinct), np.intp), 0, set[object]()
    for index in range(len(distinct)):
        if len(seen) >= SMALLEST_GROUP:
            current, seen = current + 1, set()
        seen.update(names[position == index].tolist())
        new[index] = current
    if len(seen) < SMALLEST_GROUP and current > 0:
        new[new == current] = current - 1
    return new[position]


def pool_categories(values: npt.ArrayLike, patients: npt.ArrayLike) -> npt.NDArray[np.object_]:
    """Rename the smallest categories to "small groups, pooled" until that group and every other hold 11 patients."""
    found, names = np.asarray(values, dtype=object), np.asarray(patients)
    categories, codes = np.unique(found, return_inverse=True)
    sizes = np.array([len(np.unique(names[codes == code])) for code in range(len(categories))])
    order, count = np.argsort(sizes, kind="stable"), int((sizes < SMALLEST_GROUP).sum())
    while 0 < count < len(order) and len(np.unique(names[np.isin(codes, order[:count])])) < SMALLEST_GROUP:
        count += 1
    if count == 0 or len(order) == 1:
        return found
    return np.where(np.isin(codes, order[:count]), POOLED, found)
