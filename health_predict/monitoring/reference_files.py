"""A reference as two files beside the model: what a person can read as JSON, the nulls as plain arrays. No pickle."""

import json
import zipfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from health_predict.errors import InputError
from health_predict.monitoring import REFERENCE_FILES, REFERENCE_JSON, REFERENCE_NULL
from health_predict.monitoring.cells import Cells
from health_predict.monitoring.monitored import MONITORED, NAMES
from health_predict.monitoring.null import Null, SizeNull
from health_predict.monitoring.reference import Reference, ScoreSummary

FORMAT = 1
_ARRAYS = ("mean", "sd", "largest", "impact", "auroc_loss")


def save_reference(reference: Reference, folder: Path) -> None:
    """Write both files into `folder`, which is made if need be. The same reference always gives the same JSON."""
    folder.mkdir(parents=True, exist_ok=True)
    content = {
        "format": FORMAT,
        "rows": reference.rows,
        "cluster_size": reference.cluster_size,
        "correlations": list(reference.correlations),
        "cells": [asdict(cells) for cells in reference.cells],
        "counts": list(reference.counts),
        "importances": dict(reference.importances),
        "scores": asdict(reference.scores),
    }
    (folder / REFERENCE_JSON).write_text(json.dumps(content, indent=1, allow_nan=False) + "\n")
    arrays = {f"{size.rows}/{name}": getattr(size, name) for size in reference.null.sizes for name in _ARRAYS}
    np.savez_compressed(folder / REFERENCE_NULL, allow_pickle=False, **arrays)


def load_reference(folder: Path) -> Reference:
    """Read what `save_reference` wrote.

    Raises:
        InputError: a file is missing or unreadable, or was written for other watched columns.
    """
    for name in REFERENCE_FILES:
        if not (folder / name).is_file():
            raise InputError(f"reference {folder}: {name} is missing; the model came without one, train it again")
    try:
        content = json.loads((folder / REFERENCE_JSON).read_text())
        with np.load(folder / REFERENCE_NULL, allow_pickle=False) as arrays:
            reference = _reference(content, {name: arrays[name] for name in arrays.files})
    except (ValueError, TypeError, KeyError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(f"reference {folder}: unreadable ({type(error).__name__}); train the model again") from None
    _check_columns(reference, folder)
    return reference


def _reference(content: dict[str, Any], arrays: dict[str, Any]) -> Reference:
    if content["format"] != FORMAT:
        raise ValueError("format")
    sizes = sorted({int(name.partition("/")[0]) for name in arrays})
    nulls = (SizeNull(rows, **{name: arrays[f"{rows}/{name}"] for name in _ARRAYS}) for rows in sizes)
    scores = content["scores"]
    return Reference(
        rows=content["rows"],
        cluster_size=content["cluster_size"],
        correlations=tuple(content["correlations"]),
        cells=tuple(_cells(**cells) for cells in content["cells"]),
        counts=tuple(content["counts"]),
        importances=content["importances"],
        scores=ScoreSummary(**{**scores, "edges": tuple(scores["edges"]), "counts": tuple(scores["counts"])}),
        null=Null(tuple(nulls)),
    )


def _cells(column: str, names: list[str], of_level: list[int], ordered: bool) -> Cells:
    return Cells(column, tuple(names), tuple(of_level), ordered)


def _check_columns(reference: Reference, folder: Path) -> None:
    """Levels are stored by number, so they must still mean what they did."""
    found = [(cells.column, len(cells.of_level), cells.ordered) for cells in reference.cells]
    declared = [(column.name, len(column.levels), column.ordered) for column in MONITORED]
    if found != declared or set(reference.importances) != set(NAMES):
        raise InputError(f"reference {folder}: made for other watched columns than this version's; train again")
