"""The cells that the levels of a watched column are counted in: none tells about fewer than eleven patients."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from health_predict.monitoring.monitored import MONITORED, Levels, Monitored
from health_predict.privacy import POOLED
from health_predict.rates import pool_adjacent, pool_categories

CellIds = npt.NDArray[np.intp]
UNSEEN = "not seen in the reference"
_LONGEST_NAME = 40


@dataclass(frozen=True)
class Cells:
    """The cells of one column: their names, the cell of each level, and whether their order means anything."""

    column: str
    names: tuple[str, ...]
    of_level: tuple[int, ...]
    ordered: bool


def pool(levels: Levels, patients: npt.ArrayLike) -> tuple[Cells, ...]:
    """Pool the levels of (n, columns) reference rows until every cell that has rows has eleven patients.

    Neighbours are pooled where the order means something, else the smallest. Levels without a row share the last
    cell of a nominal column, so that what is new stays visible; of an ordered one they join their neighbour.
    """
    names = np.asarray(patients)
    return tuple(
        (_ordered if column.ordered else _nominal)(column, levels[:, i], names) for i, column in enumerate(MONITORED)
    )


def _ordered(column: Monitored, levels: npt.NDArray[np.int16], patients: npt.NDArray[np.int64]) -> Cells:
    seen, first = np.unique(levels, return_index=True)
    pooled = pool_adjacent(levels, patients)[first]
    below = np.maximum(np.searchsorted(seen, np.arange(len(column.levels)), side="right") - 1, 0)
    of_level = pooled[below]
    members = [[column.levels[i] for i in np.flatnonzero(of_level == cell)] for cell in range(of_level.max() + 1)]
    names = tuple(m[0] if len(m) == 1 else f"{m[0]} to {m[-1]}" for m in members)
    return Cells(column.name, names, tuple(of_level.tolist()), ordered=True)


def _nominal(column: Monitored, levels: npt.NDArray[np.int16], patients: npt.NDArray[np.int64]) -> Cells:
    found = np.array(column.levels, dtype=object)[levels]
    cell_of = dict(zip(found.tolist(), pool_categories(found, patients).tolist(), strict=True))
    together = " or ".join(level for level in column.levels if cell_of.get(level) == POOLED)
    if len(together) <= _LONGEST_NAME:
        cell_of = {level: together if cell == POOLED else cell for level, cell in cell_of.items()}
    named = [cell_of.get(level, UNSEEN) for level in column.levels]
    names = sorted(dict.fromkeys(named), key=UNSEEN.__eq__)  # new values take the last cell
    return Cells(column.name, tuple(names), tuple(names.index(name) for name in named), ordered=False)


class Layout:
    """All cells of all columns side by side, and the terms that distances are summed over.

    A term of a nominal column is the share of one cell. An ordered column has a pair of terms a cut: the shares below
    and above it.

    Attributes:
        size: number of cells.
        starts: first cell of each column.
        terms: (cells, terms) of 0 and 1.
        term_starts: first term of each column.
        cuts: (columns,) pairs of terms that a column's sum is divided by; 1 for a nominal column.
    """

    def __init__(self, cells: Sequence[Cells]) -> None:
        counts = [len(column.names) for column in cells]
        self.size = sum(counts)
        self.starts: CellIds = np.concatenate([[0], np.cumsum(counts)[:-1]]).astype(np.intp)
        blocks = [_terms(column) for column in cells]
        widths = [block.shape[1] for block in blocks]
        self.term_starts: CellIds = np.concatenate([[0], np.cumsum(widths)[:-1]]).astype(np.intp)
        self.terms = np.zeros((self.size, sum(widths)))
        for start, at, block in zip(self.starts, self.term_starts, blocks, strict=True):
            self.terms[start : start + block.shape[0], at : at + block.shape[1]] = block
        self.cuts = np.array([len(c.names) - 1 if _is_cut(c) else 1 for c in cells], dtype=np.float64)
        self._of_level = [np.array(column.of_level, dtype=np.intp) for column in cells]

    def encode(self, levels: Levels) -> CellIds:
        """Turn (n, columns) levels into (n, columns) numbers of cells, counted through all columns."""
        columns = zip(self._of_level, self.starts, levels.T, strict=True)
        return np.column_stack([start + of_level[column] for of_level, start, column in columns])

    def count(self, levels: Levels) -> npt.NDArray[np.float64]:
        """Count the rows in each cell."""
        return np.bincount(self.encode(levels).ravel(), minlength=self.size).astype(np.float64)


def _is_cut(cells: Cells) -> bool:
    return cells.ordered and len(cells.names) > 1


def _terms(cells: Cells) -> npt.NDArray[np.float64]:
    count = len(cells.names)
    if not _is_cut(cells):
        return np.eye(count)
    below = np.arange(count)[:, None] <= np.arange(count - 1)[None, :]
    return np.concatenate([below, ~below], axis=1).astype(np.float64)
