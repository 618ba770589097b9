"""Patient bootstrap, vectorised: integer weights per draw, and metrics that take a block of such weights at once.

A patient with three encounters is drawn as a whole, so that intervals are as wide as the number of patients warrants.
Weights come in blocks of draws, which bounds the memory whatever the number of rows:

    values = np.concatenate([weighted_auroc(y, score, block) for block in patient_weights(patients, 1000, seed)])
    low, high = interval(values)

With integer weights all counts stay below 2**53, so AUROC and F1 are exact and do not depend on the order of the rows.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Weights = NDArray[np.int32]

CELLS_PER_BLOCK = 2_000_000  # 8 MB of weights, and about ten times that while a metric works on the block


def patient_weights(patients: ArrayLike, draws: int, seed: int) -> Iterator[Weights]:
    """Yield how often each row is drawn, in blocks of draws, when patients are drawn with replacement.

    `patients` (n,) names the patient of each row. Blocks are (draws in the block, n); together they have `draws` rows.
    The same patients get the same weights for one seed whatever the order of the rows.
    """
    names, codes = np.unique(np.asarray(patients), return_inverse=True)
    rng = np.random.default_rng(seed)
    per_block = max(1, CELLS_PER_BLOCK // max(1, len(codes)))
    for start in range(0, draws, per_block):
        size = min(per_block, draws - start)
        yield _times_drawn(len(names), size, rng)[:, codes]


def _times_drawn(patients: int, draws: int, rng: np.random.Generator) -> Weights:
    picks = rng.integers(0, max(1, patients), size=(draws, patients))
    picks += np.arange(draws)[:, None] * patients
    counts = np.bincount(picks.ravel(), minlength=draws * patients)
    return counts.astype(np.int32).reshape(draws, patients)


def weighted_auroc(y: ArrayLike, score: ArrayLike, weights: NDArray[Any]) -> Floats:
    """Return the area under the ROC curve per draw, ties counted half; NaN where a draw has one class only.

    `y` (n,) is 0/1, `score` (n,) is finite, `weights` (draws, n) are at least 0; the result is (draws,) within 0..1.
    The area is the share of (positive, negative) pairs that are in order (Mann and Whitney, 1947).
    """
    positive, scores = np.asarray(y) == 1, np.asarray(score)
    negatives, negative_weights = _ascending(scores[~positive], weights[:, ~positive])
    positives, positive_weights = _ascending(scores[positive], weights[:, positive])
    below = _running_total(negative_weights)
    pairs = below[:, np.searchsorted(negatives, positives, "left")]
    pairs += below[:, np.searchsorted(negatives, positives, "right")]
    ordered = np.einsum("dn,dn->d", positive_weights, pairs)
    return _ratio(ordered, 2 * positive_weights.sum(axis=1) * below[:, -1])


def weighted_average_precision(y: ArrayLike, score: ArrayLike, weights: NDArray[Any]) -> Floats:
    """Return the average precision per draw, the step-wise sum that scikit-learn uses; NaN where no positive is drawn.

    Shapes and ranges as for `weighted_auroc`. Rows with one score enter together.
    """
    positive, scores = np.asarray(y) == 1, -np.asarray(score, dtype=np.float64)
    negatives, negative_weights = _ascending(scores[~positive], weights[:, ~positive])
    positives, positive_weights = _ascending(scores[positive], weights[:, positive])
    hits = _running_total(positive_weights)[:, np.searchsorted(positives, positives, "right")]
    misses = _running_total(negative_weights)[:, np.searchsorted(negatives, positives, "right")]
    precision = np.divide(hits, hits + misses, out=np.zeros_like(hits), where=hits > 0)
    return _ratio(np.einsum("dn,dn->d", positive_weights, precision), positive_weights.sum(axis=1))


def weighted_brier(y: ArrayLike, probability: ArrayLike, weights: NDArray[Any]) -> Floats:
    """Return the mean squared error of the probabilities per draw, within 0..1 (Brier, 1950)."""
    error = (np.asarray(probability, dtype=np.float64) - np.asarray(y, dtype=np.float64)) ** 2
    return _ratio(weights @ error, weights.sum(axis=1, dtype=np.float64))


def weighted_f1(y: ArrayLike, predicted: ArrayLike, weights: NDArray[Any]) -> Floats:
    """Return F1 of the positive class per draw from 0/1 predictions; NaN where nothing is positive or predicted so."""
    truth, guess = np.asarray(y, dtype=np.float64), np.asarray(predicted, dtype=np.float64)
    return _ratio(2 * (weights @ (truth * guess)), weights @ (truth + guess))


def interval(values: Floats, level: float = 0.95) -> tuple[float, float]:
    """Return the percentile interval of the draws, NaN draws left out; (NaN, NaN) if none is left."""
    known = values[~np.isnan(values)]
    if known.size == 0:
        return float("nan"), float("nan")
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _ascending(scores: NDArray[Any], weights: NDArray[Any]) -> tuple[NDArray[Any], Floats]:
    order = np.argsort(scores, kind="stable")
    return scores[order], weights[:, order].astype(np.float64)


def _running_total(weights: Floats) -> Floats:
    total = np.zeros((weights.shape[0], weights.shape[1] + 1))
    np.cumsum(weights, axis=1, out=total[:, 1:])
    return total


def _ratio(numerator: Floats, denominator: Floats) -> Floats:
    ratio: Floats = np.full(numerator.shape, np.nan)
    np.divide(numerator, denominator, out=ratio, where=denominator > 0)
    return ratio
