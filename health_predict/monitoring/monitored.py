"""The columns that drift is looked for in, declared once, as data, and the binning of a raw frame by them.

Raw columns, not features: a shift is named as the people who deliver the data know it. payer_code feeds no feature
and is watched all the same, because it tells who the patients are.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from health_predict import diagnoses
from health_predict.columns import A1C, AGES, DIAGNOSES, DOSAGES, DRUGS, GENDERS, GLUCOSE, PAYERS, RACES, SPECIALTIES
from health_predict.features import DISPOSITION_GROUPS, MISSING, SOURCE_GROUPS, TYPE_GROUPS, Value

Levels = npt.NDArray[np.int16]


@dataclass(frozen=True)
class Monitored:
    """One watched column.

    Attributes:
        sources: raw columns; with several, the highest level among them counts.
        levels: names in order; values that are missing or not declared take the last one.
        ordered: whether neighbouring levels are closer than distant ones.
        table: level index of each raw value of a column that is neither cut nor a diagnosis.
        cuts: inclusive lower ends of the second and later levels of a whole number.
    """

    name: str
    sources: tuple[str, ...]
    levels: tuple[str, ...]
    ordered: bool = False
    table: Mapping[Value, int] = field(default_factory=dict)
    cuts: tuple[int, ...] = ()

    def level(self, value: Value) -> int:
        """Return the level index of one raw value; None and NaN are missing."""
        if value is None or value != value:
            return len(self.levels) - 1
        if self.cuts:
            return int(np.searchsorted(self.cuts, float(value), side="right"))
        if self.sources[0] in DIAGNOSES:
            return self.levels.index(diagnoses.group_of(str(value), diagnoses.CHAPTERS))
        return self.table.get(value, len(self.levels) - 1)


def bin_frame(frame: pd.DataFrame) -> Levels:
    """Bin n raw encounters: (n, columns) level indexes in the order of MONITORED; each distinct value is read once."""
    return np.column_stack([_levels(frame, column) for column in MONITORED])


def _levels(frame: pd.DataFrame, column: Monitored) -> Levels:
    parts = []
    for source in column.sources:
        codes, distinct = pd.factorize(frame[source])
        found = [column.level(value) for value in (*distinct.tolist(), None)]
        parts.append(np.array(found, dtype=np.int16)[codes])  # code -1, a missing value, takes the last place
    return np.asarray(np.maximum.reduce(parts))


def _number(name: str, *cuts: int) -> Monitored:
    ends = [f"{low}" if low == high else f"{low}-{high}" for low, high in zip(cuts, [c - 1 for c in cuts[1:]])]  # noqa: B905
    return Monitored(name, (name,), (f"<{cuts[0]}", *ends, f">={cuts[-1]}"), ordered=True, cuts=cuts)


def _category(name: str, values: tuple[str, ...]) -> Monitored:
    return Monitored(name, (name,), (*values, MISSING), table={value: i for i, value in enumerate(values)})


def _grouped(name: str, groups: Mapping[str, tuple[Value, ...]]) -> Monitored:
    table = {value: i for i, values in enumerate(groups.values()) for value in values}
    return Monitored(name, (name,), (*groups, MISSING), table=table)


def _specialties() -> dict[str, tuple[Value, ...]]:
    """Group by the first of these beginnings that a specialty has, else "other"."""
    groups: dict[str, list[Value]] = {}
    for specialty in SPECIALTIES:
        group = next((start for start in _SPECIALTY_STARTS if specialty.startswith(start)), "other")
        groups.setdefault(group, []).append(specialty)
    return {group: tuple(members) for group, members in groups.items()}


_SPECIALTY_STARTS = (
    "InternalMedicine",
    "Emergency",
    "Family",
    "Cardiology",
    "Surgery",
    "Nephrology",
    "Orthopedics",
    "Pulmonology",
    "Radiolog",
    "Psych",
    "Pediatrics",
    "Obste",
    "Hemato",
    "Oncology",
    "Gastroenterology",
    "Urology",
    "Neurology",
    "Endocrinology",
    "Hospitalist",
    "PhysicalMedicine",
)
COMMON_DRUGS = (
    "metformin",
    "repaglinide",
    "nateglinide",
    "glimepiride",
    "glipizide",
    "glyburide",
    "pioglitazone",
    "rosiglitazone",
    "insulin",
)
RARE_DRUGS = tuple(drug for drug in DRUGS if drug not in COMMON_DRUGS)

MONITORED: tuple[Monitored, ...] = (
    _category("race", RACES),
    _category("gender", GENDERS),
    Monitored("age", ("age",), AGES, ordered=True, table={age: i for i, age in enumerate(AGES)}),
    _grouped("admission_type_id", TYPE_GROUPS),
    _grouped("discharge_disposition_id", DISPOSITION_GROUPS),
    _grouped("admission_source_id", SOURCE_GROUPS),
    _number("time_in_hospital", 2, 3, 4, 5, 6, 8, 11),
    _category("payer_code", PAYERS),
    _grouped("medical_specialty", _specialties()),
    _number("num_lab_procedures", 10, 20, 30, 40, 50, 60, 70),
    _number("num_procedures", 1, 2, 3, 4, 6),
    _number("num_medications", 6, 9, 12, 15, 18, 22, 28),
    _number("number_outpatient", 1, 2, 4),
    _number("number_emergency", 1, 2, 4),
    _number("number_inpatient", 1, 2, 3, 5),
    *(Monitored(name, (name,), (*diagnoses.names(diagnoses.CHAPTERS), MISSING)) for name in DIAGNOSES),
    _number("number_diagnoses", 4, 5, 6, 7, 8, 9, 10),
    _category("max_glu_serum", GLUCOSE),
    _category("A1Cresult", A1C),
    *(_category(drug, DOSAGES) for drug in COMMON_DRUGS),
    Monitored("other_drugs", RARE_DRUGS, ("No", "given"), table={d: int(d != "No") for d in DOSAGES}),
    _category("change", ("No", "Ch")),
    _category("diabetesMed", ("No", "Yes")),
)
NAMES: tuple[str, ...] = tuple(column.name for column in MONITORED)
