"""The aggregate profile: counts of rows over a few named axes, as a small gzip file and in memory.

An axis is a column's levels (`diag_1`: groups of codes), its single values (`diag_1 value`), or one of the axes below.
Nothing here rests on under SMALLEST_CELL patients, let alone rows: smaller cells are absent, and the others are rounded
to multiples of it, so that the difference of two counts cannot reveal an absent cell either.
"""

import gzip
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from health_predict.columns import READMISSIONS
from health_predict.errors import InputError

Counts = npt.NDArray[np.int64]
Label = str | int | None  # None is the level "missing"

SMALLEST_CELL = 11
COMMITTED = Path(__file__).parents[1] / "data" / "profile.json.gz"

PERIODS = 10  # tenths of the file in arrival order; time runs from 0 to 1 along it
YEARS = 10.0  # what the file spans: 1999 to 2008
VISIT_STARTS = (2, 3, 4, 5, 7, 11)  # a patient's 1st, 2nd, 3rd, 4th, 5th-6th, 7th-10th and later encounter
GAP_EDGES = (0.0, 0.002, 0.005, 0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 1.0)  # time to the patient's next encounter
OUTCOMES = (*READMISSIONS, *(f"{level}, then another encounter" for level in READMISSIONS))
FIXED_AXES: dict[str, tuple[Label, ...]] = {
    "period": tuple(range(PERIODS)),
    "readmitted": READMISSIONS,
    "visit": tuple(range(len(VISIT_STARTS) + 1)),
    "outcome": OUTCOMES,
    "start": (*OUTCOMES, "not the first encounter"),  # the outcome of a patient's first encounter
    "gap": (*range(len(GAP_EDGES) - 1), "no other encounter"),
}


@dataclass(frozen=True, eq=False)
class Profile:
    """What the sampler knows of the real file.

    Attributes:
        header: attribution, licence and origin.
        axes: the levels of each axis.
        group: for an axis "<column> value", the level of the axis "<column>" that each value belongs to, rising.
        tree: (parent, child) pairs of columns, every parent before its children.
        margins: counts by the sorted names of their axes; 0 is an absent cell.
    """

    header: Mapping[str, Any]
    axes: Mapping[str, tuple[Label, ...]]
    group: Mapping[str, tuple[int, ...]]
    tree: tuple[tuple[str, str], ...]
    margins: Mapping[tuple[str, ...], Counts]

    def margin(self, *axes: str) -> Counts:
        """Return the counts over `axes`, one dimension each, in that order."""
        stored = sorted(axes)
        return self.margins[tuple(stored)].transpose([stored.index(axis) for axis in axes])


def protect(rows: Counts, patients: Counts) -> Counts:
    """Empty the cells of under SMALLEST_CELL patients; round the rows of the others to its nearest multiple."""
    rounded = (rows + SMALLEST_CELL // 2) // SMALLEST_CELL * SMALLEST_CELL
    return np.where(patients < SMALLEST_CELL, 0, rounded)


def to_bytes(profile: Profile) -> bytes:
    """Write a profile as compressed JSON: the same bytes for the same profile."""
    content = {
        "header": dict(profile.header),
        "axes": profile.axes,
        "group": profile.group,
        "tree": profile.tree,
        "margins": {"|".join(axes): _sparse(counts) for axes, counts in sorted(profile.margins.items())},
    }
    text = json.dumps(content, separators=(",", ":"))
    return gzip.compress(text.encode(), compresslevel=9, mtime=0)


def _sparse(counts: Counts) -> dict[str, list[int]]:
    """Keep the filled cells in C order: steps between their positions, and their rows."""
    filled = np.flatnonzero(counts)
    return {"steps": np.diff(filled, prepend=0).tolist(), "rows": counts.ravel()[filled].tolist()}


def _dense(cells: Mapping[str, list[int]], shape: tuple[int, ...]) -> Counts:
    counts = np.zeros(math.prod(shape), dtype=np.int64)
    counts[np.cumsum(np.array(cells["steps"], dtype=np.int64))] = cells["rows"]
    return counts.reshape(shape)


@lru_cache(maxsize=4)
def load_profile(path: Path = COMMITTED) -> Profile:
    """Load a profile, by default the committed one.

    Raises:
        InputError: the file is absent or no profile.
    """
    try:
        content = json.loads(gzip.decompress(path.read_bytes()))
        axes = {axis: tuple(labels) for axis, labels in content["axes"].items()}
        named = {tuple(names.split("|")): cells for names, cells in content["margins"].items()}
        margins = {names: _dense(cells, tuple(len(axes[name]) for name in names)) for names, cells in named.items()}
        group = {axis: tuple(levels) for axis, levels in content["group"].items()}
        tree = tuple((parent, child) for parent, child in content["tree"])
        return Profile(content["header"], axes, group, tree, margins)
    except (OSError, EOFError, ValueError, KeyError, TypeError, IndexError):
        raise InputError(f"{path}: no readable profile; rebuild it with python -m health_predict.profile") from None
