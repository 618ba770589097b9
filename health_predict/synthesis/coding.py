"""The real frame as level numbers over the axes of a profile; rare values are pooled into groups."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from health_predict.columns import BY_NAME, NAMES, PATIENT, READMISSIONS, TARGET_COLUMN
from health_predict.diagnoses import CHAPTERS, GROUPS, group_of
from health_predict.errors import InputError
from health_predict.synthesis import treatments
from health_predict.synthesis.margins import FIXED_AXES, GAP_EDGES, PERIODS, SMALLEST_CELL, VISIT_STARTS, Label
from health_predict.synthesis.treatments import TREATMENT, TREATMENT_COLUMNS

Codes = npt.NDArray[np.int64]

ROOTS = ("visit", "race", "gender", "age")  # what a patient brings along, known before the rest is drawn
_APART = {*ROOTS, *TREATMENT_COLUMNS, TARGET_COLUMN}
LEAVES = (*(name for name in NAMES if name not in _APART and BY_NAME[name].kind != "identifier"), TREATMENT)
GROUP_STARTS: dict[str, tuple[int, ...]] = {  # where each next group of numbers begins; other numbers stand alone
    "num_lab_procedures": (2, 14, 25, 32, 37, 41, 45, 49, 54, 59, 65, 73),
    "num_medications": (6, 8, 10, 11, 13, 14, 16, 18, 20, 22, 26, 33),
    "number_outpatient": (1, 2, 3, 4, 6),
    "number_emergency": (1, 2, 3, 4, 6),
    "number_inpatient": (1, 2, 3, 4, 5, 6, 7, 9),
}


@dataclass(frozen=True)
class Coded:
    """n encounters as level numbers, -1 where a level is too rare to be one; `axes` and `group` as in Profile."""

    axes: Mapping[str, tuple[Label, ...]]
    group: Mapping[str, tuple[int, ...]]
    codes: Mapping[str, Codes]
    patient: Codes


@dataclass(frozen=True)
class _Axis:
    """A column's groups, its common values, the group of each, and both as level numbers of the rows."""

    labels: tuple[Label, ...]
    codes: Codes
    values: tuple[Label, ...]
    value_codes: Codes
    group: tuple[int, ...]


def code(frame: pd.DataFrame, source: str) -> Coded:
    """Code a raw frame that is in arrival order.

    Raises:
        InputError: a column without one value of SMALLEST_CELL patients; `source` is what the message calls the file.
    """
    axes, group, codes = dict(FIXED_AXES), {}, _history_codes(frame)
    patient = np.asarray(pd.factorize(frame[PATIENT])[0], dtype=np.int64)
    for name in (*ROOTS[1:], *LEAVES):
        axis = _column_axis(treatments.spell(frame) if name == TREATMENT else frame[name], name, patient)
        if not axis.labels:
            raise InputError(f"{source}: column '{name}' has no value of {SMALLEST_CELL} patients; give a larger file")
        axes[name], codes[name] = axis.labels, axis.codes
        if axis.labels != axis.values:
            axes[f"{name} value"], group[f"{name} value"] = axis.values, axis.group
            codes[f"{name} value"] = axis.value_codes
    return Coded(axes, group, codes, patient)


def _history_codes(frame: pd.DataFrame) -> dict[str, Codes]:
    """Code the axes of time and of the patient's encounters."""
    time = np.arange(len(frame)) / len(frame)
    visit = np.digitize(frame.groupby(PATIENT).cumcount() + 1, VISIT_STARTS)
    gap = (pd.Series(time).groupby(frame[PATIENT].to_numpy()).shift(-1) - time).to_numpy()
    followed = ~np.isnan(gap)
    readmitted = np.asarray(pd.Categorical(frame[TARGET_COLUMN], READMISSIONS).codes, dtype=np.int64)
    outcome = readmitted + len(READMISSIONS) * followed
    return {
        "period": (time * PERIODS).astype(np.int64),
        TARGET_COLUMN: readmitted,
        "visit": visit,
        "outcome": outcome,
        "start": np.where(visit == 0, outcome, len(FIXED_AXES["outcome"])),
        "gap": np.where(followed, np.digitize(gap, GAP_EDGES) - 1, len(GAP_EDGES) - 1),
    }


def patients_per(cells: Codes, patient: Codes, size: int) -> Codes:
    """Count the distinct patients in each of `size` cells; `cells` and `patient` are those of the rows."""
    most = int(patient.max(initial=0)) + 1
    pairs = np.asarray(pd.unique(cells * most + patient))
    return np.bincount(pairs // most, minlength=size)


def _column_axis(column: "pd.Series[Any]", name: str, patient: Codes) -> _Axis:
    """Pool a column's values into groups; a value of under SMALLEST_CELL patients counts for its group only."""
    codes, found = pd.factorize(column.astype(object), use_na_sentinel=False)
    distinct: list[Label] = [None if pd.isna(value) else value for value in found]
    groups = [_group(name, value) for value in distinct]
    common = patients_per(codes, patient, len(distinct)) >= SMALLEST_CELL
    kept = [i for i, is_common in enumerate(common) if is_common]
    labels = tuple(sorted({groups[i] for i in kept}, key=_order))
    level = {label: number for number, label in enumerate(labels)}
    chosen = sorted(kept, key=lambda i: (level[groups[i]], _order(distinct[i])))
    place = {i: number for number, i in enumerate(chosen)}
    return _Axis(
        labels,
        np.array([level.get(group, -1) for group in groups])[codes],
        tuple(distinct[i] for i in chosen),
        np.array([place.get(i, -1) for i in range(len(distinct))])[codes],
        tuple(level[groups[i]] for i in chosen),
    )


def _order(label: Label) -> tuple[bool, int, str]:
    return label is None, label if isinstance(label, int) else 0, str(label)


def _group(name: str, value: Label) -> Label:
    """Name the level that a value belongs to; a diagnosis stays in its finer group and in its chapter."""
    if value is None:
        return None
    if name in GROUP_STARTS:
        return int(np.digitize(int(value), GROUP_STARTS[name]))
    if name == TREATMENT:
        return treatments.group(str(value))
    if BY_NAME[name].kind == "diagnosis":
        return _diagnosis_group(str(value))
    return value


@lru_cache(maxsize=4096)
def _diagnosis_group(diagnosis: str) -> str:
    return f"{group_of(diagnosis, GROUPS)}, {group_of(diagnosis, CHAPTERS)}"
