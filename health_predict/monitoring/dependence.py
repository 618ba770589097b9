"""Encounters of one patient resemble each other: how much less a number of encounters is then worth.

The share of a cell in n encounters has the variance of n independent ones times a design effect 1 + r (k - 1), with r
the correlation within patients and k the mean number of encounters of an encounter's patient (Kish, Survey Sampling,
1965). r is a property of the column and estimated on the reference; k is that of the rows at hand.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from health_predict.monitoring.cells import CellIds, Layout

Floats = npt.NDArray[np.float64]


def clustered_variance(errors: Floats, patients: npt.ArrayLike) -> float:
    """Return the variance of the sum of (n,) errors of mean 0 that are independent between patients only."""
    _, codes = np.unique(np.asarray(patients), return_inverse=True)
    return float((np.bincount(codes, errors) ** 2).sum())


def cluster_size(patients: npt.ArrayLike) -> float:
    """Return the mean, over (n,) encounters, of how many of them their patient has; 1 if all patients differ."""
    counts = np.unique(np.asarray(patients), return_counts=True)[1]
    return float((counts**2).sum() / counts.sum())


def correlation(design_effect: float, size: float) -> float:
    """Return the correlation within patients, 0..1, from a design effect; 0 where no patient repeats."""
    return float(np.clip((design_effect - 1) / (size - 1), 0, 1)) if size > 1 else 0.0


def spread(rows: int, size: float, reference_rows: int, reference_size: float, correlations: Any) -> Any:  # noqa: ANN401
    """Return the variance of a difference of shares, in units of p (1 - p), for each correlation within patients.

    1/n + 1/m where encounters are independent. `correlations` is a number or an array of them, the result alike.
    """
    batch, reference = 1 + correlations * (size - 1), 1 + correlations * (reference_size - 1)
    return batch / rows + reference / reference_rows


def column_correlations(layout: Layout, cells: CellIds, patients: npt.ArrayLike) -> Floats:
    """Estimate the correlation within patients of each column over (m, columns) reference cells.

    The design effect of a column is the mean over its terms that corrects a chi-square to the first order (Rao and
    Scott, JASA 1981): cells weigh 1 - p, cuts equally.
    """
    _, codes = np.unique(np.asarray(patients), return_inverse=True)
    size = cluster_size(codes)
    ends = (*layout.term_starts[1:].tolist(), layout.terms.shape[1])
    found = []
    for column, (start, end) in enumerate(zip(layout.term_starts.tolist(), ends, strict=True)):
        if layout.cuts[column] > 1:
            end = start + (end - start) // 2  # the shares above the cuts mirror those below
        members = layout.terms[:, start:end][cells[:, column]]
        found.append(correlation(_design_effect(members, codes, ordered=layout.cuts[column] > 1), size))
    return np.array(found)


def _design_effect(members: Floats, patients: npt.NDArray[np.intp], *, ordered: bool) -> float:
    shares = members.mean(axis=0)
    varying = (shares > 0) & (shares < 1)
    if not varying.any():
        return 1.0
    p, gaps = shares[varying], members[:, varying] - shares[varying]
    effects = np.array([clustered_variance(gap, patients) for gap in gaps.T]) / (len(gaps) * p * (1 - p))
    return float(np.average(effects, weights=None if ordered else 1 - p))
