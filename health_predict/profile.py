"""Builds the aggregate profile of the real file: python -m health_predict.profile --data FILE --output PROFILE.

Every column depends on `readmitted`, on one other column (the Chow-Liu tree over conditional mutual information given
`readmitted`, so together a tree-augmented naive Bayes; Friedman, Geiger, Goldszmidt 1997, doi 10.1023/A:1007465528199)
and on the tenth of the file it lies in. A patient's encounters are described by pooled counts only.
"""

import argparse
import math
import sys
from collections.abc import Mapping
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from health_predict.columns import TARGET_COLUMN
from health_predict.errors import InputError
from health_predict.reading import RawData, read_raw
from health_predict.splits import arrival_order
from health_predict.synthesis.coding import LEAVES, ROOTS, Coded, Codes, code, patients_per
from health_predict.synthesis.margins import SMALLEST_CELL, Counts, Profile, protect, to_bytes

Mask = npt.NDArray[np.bool_]

FEWEST_ROWS = 1000
ATTRIBUTION = (
    "Clore, J., Cios, K., DeShazo, J. and Strack, B. (2014). Diabetes 130-US Hospitals for Years 1999-2008. "
    "UCI Machine Learning Repository, data set 296. https://doi.org/10.24432/C5230J"
)
LICENCE = "CC BY 4.0, https://creativecommons.org/licenses/by/4.0/"
CHANGES = (
    f"reduced to counts of rows; cells of under {SMALLEST_CELL} patients removed, others rounded to {SMALLEST_CELL}s"
)
COMMAND = "python -m health_predict.profile --data dataset_diabetes.zip --output health_predict/data/profile.json.gz"

HISTORY = (  # (first parent, second parent, child): how a patient's encounters follow each other
    ("period", "visit", "outcome"),
    ("period", "readmitted", "gap"),
    ("period", "start", "age"),
    ("age", "start", "race"),
    ("age", "start", "gender"),
)


def build_profile(raw: RawData) -> Profile:
    """Count a raw file into a profile.

    Raises:
        InputError: under FEWEST_ROWS encounters, no target, or a column without one common value.
    """
    if TARGET_COLUMN not in raw.frame.columns:
        raise InputError(f"{raw.source}: column '{TARGET_COLUMN}' is missing; a profile needs labels")
    if len(raw.frame) < FEWEST_ROWS:
        raise InputError(f"{raw.source}: a profile needs {FEWEST_ROWS:,} encounters; give a larger file")
    coded = code(arrival_order(raw.frame), raw.source)
    tree = chow_liu(coded)
    margins = {axes: _protected(coded, axes) for axes in _wanted_margins(tree, coded.group)}
    return Profile(_header(raw), coded.axes, coded.group, tree, margins)


def _header(raw: RawData) -> dict[str, Any]:
    return {
        "title": "Aggregate profile of the UCI Diabetes 130-US Hospitals file, for synthetic samples",
        "attribution": ATTRIBUTION,
        "licence": LICENCE,
        "changes": CHANGES,
        "command": COMMAND,
        "source_sha256": raw.sha256,
        "source_rows": len(raw.frame),
        "smallest_cell": SMALLEST_CELL,
    }


def _protected(coded: Coded, axes: tuple[str, ...]) -> Counts:
    shape = _shape(coded, axes)
    cells, known = _cells(coded, axes)
    rows = np.bincount(cells, minlength=math.prod(shape))
    return protect(rows, patients_per(cells, coded.patient[known], rows.size)).reshape(shape)


def _shape(coded: Coded, axes: tuple[str, ...]) -> tuple[int, ...]:
    return tuple(len(coded.axes[axis]) for axis in axes)


def _cells(coded: Coded, axes: tuple[str, ...]) -> tuple[Codes, Mask]:
    """Number the cell of each row that has one, and tell which rows do."""
    columns = [coded.codes[axis] for axis in axes]
    known = np.logical_and.reduce([column >= 0 for column in columns])
    return np.ravel_multi_index([column[known] for column in columns], _shape(coded, axes)), known


def chow_liu(coded: Coded) -> tuple[tuple[str, str], ...]:
    """Grow the tree from ROOTS: each time the leaf with the most information about a column that is already in."""
    inside, outside, edges = list(ROOTS), list(LEAVES), []
    pairs = combinations((*ROOTS, *LEAVES), 2)
    scores = {frozenset(pair): information(coded, *pair) for pair in pairs if pair[1] in LEAVES}
    while outside:
        _, parent, child = max((scores[frozenset((p, c))], p, c) for p in inside for c in outside)
        edges.append((parent, child))
        inside.append(child)
        outside.remove(child)
    return tuple(edges)


def information(coded: Coded, first: str, second: str) -> float:
    """Estimate I(first; second | readmitted) in nats, less the bias of degrees of freedom / 2n (Miller 1955)."""
    axes = (TARGET_COLUMN, first, second)
    shape = _shape(coded, axes)
    counts = np.bincount(_cells(coded, axes)[0], minlength=math.prod(shape)).reshape(shape).astype(np.float64)
    total = counts.sum()
    rows, columns = counts.sum(2, keepdims=True), counts.sum(1, keepdims=True)
    expected = rows * columns / np.maximum(counts.sum((1, 2), keepdims=True), 1)
    ratio = np.divide(counts, expected, out=np.ones_like(counts), where=counts > 0)
    freedom = ((rows > 0).sum(1).ravel() - 1) @ ((columns > 0).sum(2).ravel() - 1)
    return round(float((counts * np.log(ratio)).sum() / total - freedom / (2 * total)), 9)


def _wanted_margins(tree: tuple[tuple[str, str], ...], values: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """List what the sampler needs: the triples and pairs below and every margin of them."""
    wanted = [*HISTORY, *((parent, TARGET_COLUMN, child) for parent, child in tree)]
    pairs = [("period", name) for name in (TARGET_COLUMN, *ROOTS, *LEAVES)]
    pairs += [(TARGET_COLUMN, name) for name in (*ROOTS, *values)]
    every = {
        tuple(sorted(part)) for axes in (*wanted, *pairs) for size in (1, 2, 3) for part in combinations(axes, size)
    }
    return sorted(every)


def main(arguments: list[str] | None = None) -> int:
    """Build and write the profile; 0 is done, 2 is bad input."""
    parser = argparse.ArgumentParser(
        prog="python -m health_predict.profile", description="Build the aggregate profile."
    )
    parser.add_argument("--data", type=Path, required=True, help="diabetic_data.csv or the UCI zip that holds it")
    parser.add_argument("--output", type=Path, required=True, help="where profile.json.gz is written")
    given = parser.parse_args(arguments)
    try:
        given.output.write_bytes(to_bytes(build_profile(read_raw(given.data))))
    except InputError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    except OSError as error:
        sys.stderr.write(f"{given.output}: cannot be written ({error.strerror}); check its folder\n")
        return InputError.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
