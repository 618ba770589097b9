"""What the initial encounters look like: pure aggregates for the exploration page.

Only train and validation rows are looked at; test and future rows are counted. Groups under 11 patients are pooled.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from health_predict.columns import AGES, COLUMNS, ENCOUNTER, PATIENT
from health_predict.diagnoses import CHAPTERS, REST, group_of
from health_predict.features import DISPOSITION_GROUPS, SOURCE_GROUPS, TYPE_GROUPS
from health_predict.privacy import POOLED, SMALLEST_GROUP
from health_predict.rates import Codes, Rate, pool_adjacent, pool_categories, rate, rates
from health_predict.target import Target, readmitted_binary

Labels = npt.NDArray[np.int8]
AbsenceKind = Literal["missing", "unknown code", "not measured"]

TENTHS = 10
NOT_RECORDED = "other or not recorded"
A1C_LABELS = {"Norm": "normal", ">7": "7 to 8 %", ">8": "above 8 %", "None": "not measured"}
TYPE_LABELS = {1: "emergency", 2: "urgent", 3: "elective"}  # the others are few, or no type at all
KNOWN_CODES = {
    "admission_type_id": TYPE_GROUPS,
    "discharge_disposition_id": DISPOSITION_GROUPS,
    "admission_source_id": SOURCE_GROUPS,
}
TESTS = ("A1Cresult", "max_glu_serum")  # "None" in these columns: the test was not made
EARLIER, LAST, ONLY = "earlier", "last", "only"  # among the patient's encounters


@dataclass(frozen=True)
class Scale:
    """Bins of an ordered column: from each start up to the next; the last one is open when `top` is None."""

    column: str
    starts: tuple[int, ...]
    top: int | None = None

    def label(self, first: int, last: int) -> str:
        """Name the bins from position `first` to `last`, both included."""
        low, is_last = self.starts[first], last == len(self.starts) - 1
        if is_last and self.top is None:
            return f"{low}+"
        high = self.top if is_last else self.starts[last + 1] - 1
        return str(low) if low == high else f"{low}–{high}"


AGE_SCALE = Scale("age", tuple(range(0, 100, 10)), top=99)
COUNT_SCALES = (
    Scale("time_in_hospital", tuple(range(1, 15)), top=14),
    Scale("num_lab_procedures", tuple(range(0, 100, 10))),
    Scale("num_procedures", tuple(range(7))),
    Scale("num_medications", tuple(range(0, 50, 5))),
    Scale("number_outpatient", tuple(range(6))),
    Scale("number_emergency", tuple(range(6))),
    Scale("number_inpatient", tuple(range(6))),
    Scale("number_diagnoses", tuple(range(1, 11))),
)


@dataclass(frozen=True)
class Share:
    """A share of encounters; `few` says that under 11 patients lie on one side, and the value is rounded to 0 or 1."""

    value: float
    few: bool = False


@dataclass(frozen=True)
class Absence:
    """How often a column says nothing, and in which way."""

    column: str
    kind: AbsenceKind
    share: Share


@dataclass(frozen=True)
class Grouping:
    """A share in each group of one column."""

    column: str
    rates: tuple[Rate, ...]


@dataclass(frozen=True)
class TimeOrder:
    """Evidence that encounter_id rises in time, and what changes along it.

    Attributes:
        older, younger: of the steps between consecutive encounters of one patient, those to a higher or lower age.
        positions: share readmitted at all (whatever the target) of earlier, last and only encounters of a patient.
        trends: shares per tenth of the encounters in arrival order, by what is shared.
    """

    steps: int
    older: Share
    younger: Share
    positions: Grouping
    trends: tuple[Grouping, ...]


@dataclass(frozen=True)
class Exploration:
    """The exploration page's content.

    Attributes:
        encounters: in the whole file, before encounters that ended in death or hospice are dropped.
        rows: encounters left, by part.
        overall: the target rate of train and validation.
        counts: groupings of the count columns, of which the page shows the sizes.
    """

    target: Target
    encounters: int
    rows: tuple[tuple[str, int], ...]
    overall: Rate
    absences: tuple[Absence, ...]
    complete_columns: int
    rates: tuple[Grouping, ...]
    chapters: Grouping
    time: TimeOrder
    counts: tuple[Grouping, ...]


def explore(frame: pd.DataFrame, target: Target, *, rows: Mapping[str, int], encounters: int) -> Exploration:
    """Describe the initial train and validation encounters.

    Args:
        frame: train and validation together, with the target column.
        rows: encounters by part, test and future included.
        encounters: in the file, before any is dropped.
    """
    ordered = frame.sort_values(ENCOUNTER, kind="stable", ignore_index=True)
    y, patients = readmitted_binary(ordered, target), ordered[PATIENT].to_numpy()
    absences = _absences(ordered, patients)
    counts = {scale.column: _ordered(ordered[scale.column], scale, y, patients) for scale in COUNT_SCALES}
    return Exploration(
        target=target,
        encounters=encounters,
        rows=tuple(rows.items()),
        overall=rate("all", y, patients),
        absences=absences,
        complete_columns=len(COLUMNS) - len({absence.column for absence in absences}),
        rates=(
            _ordered(ordered["age"].map({age: 10 * i for i, age in enumerate(AGES)}), AGE_SCALE, y, patients),
            _categories("admission_type_id", ordered["admission_type_id"].map(TYPE_LABELS), y, patients),
            counts["number_inpatient"],
            _categories("A1Cresult", ordered["A1Cresult"].map(A1C_LABELS), y, patients, tuple(A1C_LABELS.values())),
            counts["time_in_hospital"],
        ),
        chapters=_categories("diag_1", _chapters(ordered["diag_1"]), y, patients),
        time=_time_order(ordered, y, patients),
        counts=tuple(counts.values()),
    )


def _ordered(values: "pd.Series[Any]", scale: Scale, y: Labels, patients: npt.NDArray[Any]) -> Grouping:
    codes = np.searchsorted(scale.starts, values.to_numpy(), side="right") - 1
    pooled = pool_adjacent(codes, patients)
    spans = [codes[pooled == code] for code in range(int(pooled.max()) + 1)]
    labels = [scale.label(int(span.min()), int(span.max())) for span in spans]
    return Grouping(scale.column, rates(pooled, labels, y, patients))


def _categories(
    column: str, values: "pd.Series[Any]", y: Labels, patients: npt.NDArray[Any], order: tuple[str, ...] = ()
) -> Grouping:
    """Group by category in the given order, else the most frequent first; the unrecorded and the pool come last."""
    pooled = pd.Series(pool_categories(values.fillna(NOT_RECORDED), patients))
    by_size = [str(label) for label in pooled.value_counts().index]
    named = [label for label in order or by_size if label not in (NOT_RECORDED, POOLED)]
    labels = [*named, NOT_RECORDED, POOLED]
    codes = pooled.map({label: code for code, label in enumerate(labels)}).to_numpy()
    return Grouping(column, rates(codes, labels, y, patients))


def _chapters(codes: "pd.Series[Any]") -> "pd.Series[Any]":
    chapters = {code: group_of(code, CHAPTERS) for code in codes.dropna().unique()}
    return codes.map(chapters).replace(REST, NOT_RECORDED)


def _absences(frame: pd.DataFrame, patients: npt.NDArray[Any]) -> tuple[Absence, ...]:
    """Find every column that is silent somewhere, the most silent first."""
    found = [
        Absence(column.name, kind, share(mask, patients))
        for column in COLUMNS
        for kind, mask in _silent(frame[column.name])
        if mask.any()
    ]
    return tuple(sorted(found, key=lambda absence: (-absence.share.value, absence.share.few, absence.column)))


def _silent(values: "pd.Series[Any]") -> list[tuple[AbsenceKind, npt.NDArray[np.bool_]]]:
    name = str(values.name)
    silent: list[tuple[AbsenceKind, npt.NDArray[np.bool_]]] = [("missing", values.isna().to_numpy())]
    if name in KNOWN_CODES:
        known = [code for codes in KNOWN_CODES[name].values() for code in codes]
        silent.append(("unknown code", ~values.isin(known).to_numpy()))
    if name in TESTS:
        silent.append(("not measured", (values == "None").to_numpy()))
    return silent


def share(mask: npt.NDArray[np.bool_], patients: npt.NDArray[Any]) -> Share:
    """Measure the share of (n,) rows in `mask`, rounded to 0 or 1 if 1 to 10 patients lie on one of its sides."""
    for side, value in ((mask, 0.0), (~mask, 1.0)):
        if 0 < len(np.unique(patients[side])) < SMALLEST_GROUP:
            return Share(value, few=True)
    return Share(float(mask.mean()) if len(mask) else 0.0)


def _time_order(frame: pd.DataFrame, y: Labels, patients: npt.NDArray[Any]) -> TimeOrder:
    visits = frame.groupby(PATIENT)[ENCOUNTER]
    before, after = visits.cumcount().to_numpy(), visits.cumcount(ascending=False).to_numpy()
    age = frame["age"].map({age: i for i, age in enumerate(AGES)})
    step = (age - age.groupby(patients).shift()).to_numpy()[before > 0]
    readmitted = readmitted_binary(frame, "any")
    position = np.where(after > 0, EARLIER, np.where(before > 0, LAST, ONLY))
    return TimeOrder(
        steps=len(step),
        older=share(step > 0, patients[before > 0]),
        younger=share(step < 0, patients[before > 0]),
        positions=_categories("position", pd.Series(position), readmitted, patients, (EARLIER, LAST, ONLY)),
        trends=_trends(frame, y, patients, before > 0),
    )


def _trends(
    frame: pd.DataFrame, y: Labels, patients: npt.NDArray[Any], returning: npt.NDArray[np.bool_]
) -> tuple[Grouping, ...]:
    tenths: Codes = pool_adjacent(np.arange(len(frame)) * TENTHS // len(frame), patients)
    labels = [str(code + 1) for code in range(int(tenths.max()) + 1)]
    shared: dict[str, npt.NDArray[Any]] = {
        "target rate": y,
        "patient seen before": returning,
        "A1C measured": (frame["A1Cresult"] != "None").to_numpy(),
        "insulin given": (frame["insulin"] != "No").to_numpy(),
        "nine or more diagnoses": (frame["number_diagnoses"] >= 9).to_numpy(),
        "specialty missing": frame["medical_specialty"].isna().to_numpy(),
    }
    return tuple(Grouping(name, rates(tenths, labels, mask, patients)) for name, mask in shared.items())
