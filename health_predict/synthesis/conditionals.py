"""Probabilities from counts with absent cells: backing off to fewer parents, and raking to a drifting margin."""

from typing import Any

import numpy as np
import numpy.typing as npt

from health_predict.synthesis.margins import Profile

Table = npt.NDArray[np.float64]

RAKING_ROUNDS = 30


def normalise(weights: npt.NDArray[Any]) -> Table:
    """Scale non-negative weights to sum to 1 along the last axis; a row of zeros becomes uniform."""
    total = weights.sum(-1, keepdims=True)
    uniform = np.full(weights.shape, 1.0 / weights.shape[-1])
    return np.asarray(np.divide(weights, total, out=uniform, where=total > 0))


def fill(counts: npt.NDArray[Any], total: npt.NDArray[Any], fallback: Table) -> Table:
    """Estimate P(child | parents) where small cells are absent.

    The rows of `total` that `counts` does not explain lie in the absent cells, in the proportions of `fallback`.

    Args:
        counts: (..., x) rows per cell, 0 if absent.
        total: (...) rows per combination of parents, 0 if absent.
        fallback: (..., x) probabilities from fewer parents.
    """
    absent = np.where(counts > 0, 0.0, fallback)
    share = absent.sum(-1, keepdims=True)
    rest = np.maximum(total - counts.sum(-1), 0)[..., None]
    estimate = counts + rest * np.divide(absent, share, out=np.zeros_like(absent), where=share > 0)
    known = estimate.sum(-1, keepdims=True) > 0
    return normalise(np.where(known, estimate, fallback))


def one_parent(profile: Profile, parent: str, child: str) -> Table:
    """Estimate P(child | parent) as a (parent, child) table."""
    alone = normalise(profile.margin(child))
    counts = profile.margin(parent, child)
    return fill(counts, profile.margin(parent), np.broadcast_to(alone, counts.shape))


def two_parents(profile: Profile, first: str, second: str, child: str) -> Table:
    """Estimate P(child | first, second) as a (first, second, child) table.

    Absent cells back off to P(child | first) P(child | second) / P(child), as if the parents acted independently.
    """
    alone = normalise(profile.margin(child))
    by_first, by_second = one_parent(profile, first, child), one_parent(profile, second, child)
    product = by_first[:, None] * by_second[None]
    fallback = normalise(np.divide(product, alone, out=np.zeros_like(product), where=alone > 0))
    return fill(profile.margin(first, second, child), profile.margin(first, second), fallback)


def rake(table: Table, parents: Table, wanted: Table) -> Table:
    """Tilt P(child | parents) in each period until the child's margin is the wanted one.

    Iterative proportional fitting of one weight for each period and level of the child.

    Args:
        table: (first, second, child) probabilities, the same in all periods.
        parents: (period, first, second) probabilities of the parents.
        wanted: (period, child) probabilities.

    Returns:
        (period, first, second, child) probabilities.
    """
    weights = np.ones_like(wanted)
    for _ in range(RAKING_ROUNDS):
        found = np.einsum("tab,tabx->tx", parents, _tilt(table, weights, wanted))
        weights *= np.divide(wanted, found, out=np.ones_like(wanted), where=found > 0)
    return _tilt(table, weights, wanted)


def _tilt(table: Table, weights: Table, wanted: Table) -> Table:
    """Weight each level; parents none of whose levels occur in a period take that period's wanted margin."""
    tilted = weights[:, None, None] * table
    return normalise(np.where(tilted.sum(-1, keepdims=True) > 0, tilted, wanted[:, None, None]))
