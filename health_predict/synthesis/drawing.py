"""Draws levels from tables of probabilities, one table row an encounter, all encounters at once."""

import numpy as np
import numpy.typing as npt

from health_predict.synthesis.conditionals import Table

Codes = npt.NDArray[np.int64]


def draw(table: Table, parents: tuple[Codes, ...], random: np.random.Generator) -> Codes:
    """Draw n levels by inverting the cumulative distribution.

    Args:
        table: (*parent levels, level) probabilities.
        parents: the levels of each parent, n elements each.
        random: where chance comes from.
    """
    row = np.ravel_multi_index(parents, table.shape[:-1])
    rows = table.reshape(-1, table.shape[-1])
    point = row + random.random(len(row))
    levels = np.searchsorted(_steps(rows), point, side="right") - row * rows.shape[1]
    return np.asarray(np.minimum(levels, rows.shape[1] - 1))


def draw_within(table: Table, group: Codes, row: Codes, wanted: Codes, random: np.random.Generator) -> Codes:
    """Draw n values of wanted groups only.

    Args:
        table: (rows, values) probabilities.
        group: the group of each value, rising from 0, so that the values of a group stand side by side.
        row: the row of the table for each of the n.
        wanted: the group for each of the n.
        random: where chance comes from.
    """
    first = np.searchsorted(group, np.arange(group.max() + 2))
    cumulated = np.concatenate([np.zeros((len(table), 1)), np.cumsum(table, axis=1)], axis=1)
    low, high = cumulated[row, first[wanted]], cumulated[row, first[wanted + 1]]
    point = (low + (high - low) * random.random(len(row))) / cumulated[row, -1]
    chosen = np.searchsorted(_steps(table), row + point, side="right") - row * table.shape[1]
    return np.asarray(np.clip(chosen, first[wanted], first[wanted + 1] - 1))


def _steps(rows: Table) -> Table:
    """Lay the cumulative distributions end to end: row i rises from i to i + 1."""
    cumulated = np.cumsum(rows, axis=1)
    return (cumulated / cumulated[:, -1:] + np.arange(len(rows))[:, None]).ravel()
