"""What the statistics of a batch look like without drift: batches drawn out of the reference, compared with its rest.

A draw compared with a reference that contains it lies too close, and then up to every batch without drift is an alarm;
so the draw is taken out. Rows are drawn whole, which keeps the dependence between columns that the largest of their
distances hangs on. All statistics are divided by their theoretical dependence on the sizes, so that what is left
changes slowly with the size of the batch and can be interpolated. Here that is 1/n + 1/(m - n) whatever the patients,
since rows are drawn and not patients; of a real batch it is `dependence.spread`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from health_predict.errors import InputError
from health_predict.monitoring.cells import CellIds, Layout
from health_predict.monitoring.distance import Floats, divergences, size_free

SCORE_BINS = 200  # quantile bins of the score; the AUROC they give is within .0005 of the exact one
FEWEST_DRAWS = 2000
LARGEST_SHARE = 0.5  # of the reference that a draw may take, so that the rest is at least as large
_CELLS_PER_BLOCK = 2_000_000


@dataclass(frozen=True)
class SizeNull:
    """The null at one batch size; the three samples are sorted and are those of the scaled statistics.

    Attributes:
        mean, sd: (columns,) of the size-free divergence.
        largest: (draws,) largest standardised divergence over the columns.
        impact: (draws,) importance-weighted mean of distance / sqrt(spread).
        auroc_loss: (draws,) (AUROC of the rest - AUROC of the draw) / sqrt(spread).
    """

    rows: int
    mean: Floats
    sd: Floats
    largest: Floats
    impact: Floats
    auroc_loss: Floats


@dataclass(frozen=True)
class Null:
    """Nulls at some sizes, ascending."""

    sizes: tuple[SizeNull, ...]

    def at(self, rows: int) -> SizeNull:
        """Return the null at a batch size: drawn, or interpolated in log n between its neighbours.

        Outside the drawn sizes the nearest holds: what is left of the size after scaling is small.
        """
        known = np.log([size.rows for size in self.sizes])
        place = float(np.clip(np.interp(np.log(rows), known, np.arange(len(known))), 0, len(known) - 1))
        low, share = int(place), place - int(place)
        if share == 0:
            return self.sizes[low]
        return _between(self.sizes[low], self.sizes[low + 1], share, rows)


def _between(one: SizeNull, other: SizeNull, share: float, rows: int) -> SizeNull:
    names = ("mean", "sd", "largest", "impact", "auroc_loss")
    mixed = {name: (1 - share) * getattr(one, name) + share * getattr(other, name) for name in names}
    return SizeNull(rows, **mixed)


@dataclass(frozen=True)
class Drawable:
    """The reference rows that a null is drawn from; made in training and not kept.

    Attributes:
        cells: (m, columns) numbers of cells.
        weights: (columns,) importances.
        y, score: (m,) outcomes and calibrated out-of-fold scores.
    """

    layout: Layout
    cells: CellIds
    weights: Floats
    y: npt.NDArray[np.int8]
    score: Floats


def build_null(reference: Drawable, sizes: Sequence[int], *, draws: int, seed: int) -> Null:
    """Draw the null at each of `sizes` that the reference is at least twice as large as, else at half of it.

    Raises:
        InputError: too few draws.
    """
    if draws < FEWEST_DRAWS:
        raise InputError(f"monitoring: {draws} draws make no null; give at least {FEWEST_DRAWS:,}")
    most = int(LARGEST_SHARE * len(reference.cells))
    usable = sorted({size for size in sizes if size <= most}) or [most]
    return Null(tuple(_size_null(reference, size, draws, seed) for size in usable))


def _size_null(reference: Drawable, rows: int, draws: int, seed: int) -> SizeNull:
    scale = 1 / rows + 1 / (len(reference.cells) - rows)
    parts = [_statistics(reference, counts) for counts in _draw_counts(reference, rows, draws, seed)]
    divergence, loss = (np.concatenate(part) for part in zip(*parts, strict=True))
    columns = size_free(divergence, scale)
    mean, sd = columns.mean(axis=0), columns.std(axis=0, ddof=1)
    return SizeNull(
        rows=rows,
        mean=mean,
        sd=sd,
        largest=np.sort(standardise(columns, mean, sd).max(axis=1)),
        impact=np.sort(np.sqrt(divergence) @ reference.weights / np.sqrt(scale)),
        auroc_loss=np.sort(loss / np.sqrt(scale)),
    )


def standardise(columns: Floats, mean: Floats, sd: Floats) -> Floats:
    """Return (value - mean) / sd; a column whose draws never differ has no sd and counts 0."""
    return np.divide(columns - mean, sd, out=np.zeros_like(columns), where=sd > 0)


def _draw_counts(reference: Drawable, rows: int, draws: int, seed: int) -> Iterator[Floats]:
    """Yield blocks of (draws, cells + score cells) counts of rows drawn without replacement."""
    scored = reference.layout.size + _score_cells(reference)
    table = np.column_stack([reference.cells, scored])
    width = reference.layout.size + 2 * SCORE_BINS
    rng = np.random.default_rng([seed, rows])
    block = max(1, min(draws, _CELLS_PER_BLOCK // width))
    for start in range(0, draws, block):
        size = min(block, draws - start)
        counts = np.empty((size, width))
        for i in range(size):
            picked = rng.choice(len(table), rows, replace=False, shuffle=False)
            counts[i] = np.bincount(table[picked].ravel(), minlength=width)
        yield counts


def _score_cells(reference: Drawable) -> CellIds:
    edges = np.quantile(reference.score, np.linspace(0, 1, SCORE_BINS + 1)[1:-1])
    bins = np.searchsorted(edges, reference.score, side="right")
    return np.asarray(bins + SCORE_BINS * (reference.y == 1), dtype=np.intp)


def _statistics(reference: Drawable, counts: Floats) -> tuple[Floats, Floats]:
    layout = reference.layout
    total = np.bincount(reference.cells.ravel(), minlength=layout.size)
    scores = np.bincount(_score_cells(reference), minlength=2 * SCORE_BINS)
    drawn, drawn_scores = counts[:, : layout.size], counts[:, layout.size :]
    loss = _binned_auroc(scores - drawn_scores) - _binned_auroc(drawn_scores)
    return divergences(layout, drawn, total - drawn), loss


def _binned_auroc(counts: Floats) -> Floats:
    """AUROC of (draws, 2 x bins) counts, negatives first; equal bins count half."""
    negative, positive = counts[:, :SCORE_BINS], counts[:, SCORE_BINS:]
    below = np.cumsum(negative, axis=1) - negative / 2
    pairs = negative.sum(axis=1) * positive.sum(axis=1)
    ordered = (positive * below).sum(axis=1)
    half = np.full(len(pairs), 0.5)  # of a draw with one class only
    return np.asarray(np.divide(ordered, pairs, out=half, where=pairs > 0), dtype=np.float64)
