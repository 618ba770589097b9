"""The features, declared once, as data: which columns, which rule, which fallback, which encoding.

A feature is computed in two moves. `element` maps one raw value to a number or a level; `combine` joins the elements
of its columns. The vectorised path applies `element` to the distinct values of a column, the record encoder to one
value: it is the same function, so that training and serving cannot differ. No pandas here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from health_predict import diagnoses
from health_predict.columns import A1C, AGES, DIAGNOSES, DRUGS, GENDERS, GLUCOSE, RACES, SPECIALTIES

Element = Literal["number", "table", "diagnosis_group", "diagnosis_flag"]
Combine = Literal["only", "positive", "sum", "any", "ratio"]
Encoding = Literal["scaled", "one_hot", "target"]
Value = str | int | float | None
Result = str | float

MISSING = "missing"


@dataclass(frozen=True)
class Feature:
    """One feature.

    Attributes:
        element: how one raw value is read: as it is, through `table`, or by its ICD-9 group or flag (`ranges`).
        combine: only = that element; positive = 1 if above 0; sum; any = largest; ratio = first / max(second, 1).
        fallback: per column, what stands for a missing value or for one that `table` lacks.
        levels: every value of a one_hot feature, in the order of its columns.
    """

    name: str
    columns: tuple[str, ...]
    element: Element
    combine: Combine
    encoding: Encoding
    fallback: tuple[Result, ...]
    table: Mapping[Value, Result] = field(default_factory=dict)
    ranges: diagnoses.Groups = ()
    levels: tuple[str, ...] = ()


def element(feature: Feature, position: int, value: Value) -> Result:
    """Map one raw value of the feature's column at `position` to a number or a level; None and NaN are missing.

    Raises:
        ValueError: no number, or no ICD-9-CM code, where one is read; the message does not quote the value.
    """
    if value is None or value != value:
        return feature.fallback[position]
    if feature.element == "number":
        return _as_number(value)
    if feature.element == "table":
        return feature.table.get(value, feature.fallback[position])
    if feature.element == "diagnosis_group":
        return diagnoses.group_of(str(value), feature.ranges)
    return float(any(diagnoses.within(str(value), ranges) for _, ranges in feature.ranges))


def _as_number(value: str | int | float) -> float:
    try:
        return float(value)
    except ValueError:
        raise ValueError("not a number") from None


def _number(name: str) -> Feature:
    return Feature(name, (name,), "number", "only", "scaled", (TYPICAL[name],))


def _combined(name: str, columns: tuple[str, ...], combine: Combine) -> Feature:
    return Feature(name, columns, "number", combine, "scaled", tuple(TYPICAL[column] for column in columns))


def _levels(name: str, column: str, groups: Mapping[Value, str], fallback: str) -> Feature:
    levels = tuple(dict.fromkeys((*groups.values(), fallback)))
    return Feature(name, (column,), "table", "only", "one_hot", (fallback,), table=groups, levels=levels)


def _category(column: str, categories: Sequence[str], fallback: str = MISSING) -> Feature:
    return _levels(column, column, {category: category for category in categories}, fallback)


def _dosages(name: str, counted: tuple[str, ...]) -> Feature:
    return Feature(name, DRUGS, "table", "sum", "scaled", (0.0,) * len(DRUGS), table=dict.fromkeys(counted, 1.0))


def _codes(groups: Mapping[str, Sequence[int]]) -> dict[Value, str]:
    return {code: name for name, codes in groups.items() for code in codes}


DISPOSITION_GROUPS = {
    "home": (1,),
    "home_with_care": (6, 8),
    "nursing_facility": (3, 4, 15, 24),
    "rehabilitation": (22,),
    "other_hospital": (2, 5, 9, 10, 23, 27, 28, 29, 30),
    "against_advice": (7,),
    "outpatient_follow_up": (12, 16, 17),
}
SOURCE_GROUPS = {
    "referral": (1, 2, 3),
    "transfer": (4, 5, 6, 10, 18, 19, 22, 25, 26),
    "emergency_room": (7,),
    "other": (8, 11, 12, 13, 14, 23, 24),
}
TYPE_GROUPS = {"emergency": (1,), "urgent": (2,), "elective": (3,), "newborn_or_trauma": (4, 7)}
SINGLE_DRUGS = (
    "metformin",
    "insulin",
    "glipizide",
    "glyburide",
    "pioglitazone",
    "rosiglitazone",
    "glimepiride",
    "repaglinide",
)
PRIOR_USE = ("number_outpatient", "number_emergency", "number_inpatient")

# What a missing number counts as: the rounded median of the file; a missing dosage counts as "No".
TYPICAL: dict[str, float] = {
    "admission_type_id": 1.0,
    "discharge_disposition_id": 1.0,
    "admission_source_id": 7.0,
    "time_in_hospital": 4.0,
    "num_lab_procedures": 44.0,
    "num_procedures": 1.0,
    "num_medications": 15.0,
    "number_outpatient": 0.0,
    "number_emergency": 0.0,
    "number_inpatient": 0.0,
    "number_diagnoses": 8.0,
}

FEATURES: tuple[Feature, ...] = (
    Feature("age", ("age",), "table", "only", "scaled", (6.0,), table={a: float(i) for i, a in enumerate(AGES)}),
    _number("time_in_hospital"),
    _number("num_lab_procedures"),
    _number("num_procedures"),
    _number("num_medications"),
    _number("number_outpatient"),
    _number("number_emergency"),
    _number("number_inpatient"),
    _number("number_diagnoses"),
    _combined("prior_use", PRIOR_USE, "sum"),
    _combined("any_inpatient", ("number_inpatient",), "positive"),
    _combined("any_emergency", ("number_emergency",), "positive"),
    _combined("labs_per_day", ("num_lab_procedures", "time_in_hospital"), "ratio"),
    _combined("medications_per_day", ("num_medications", "time_in_hospital"), "ratio"),
    _dosages("drugs_on", ("Down", "Steady", "Up")),
    _dosages("drugs_up", ("Up",)),
    _dosages("drugs_down", ("Down",)),
    *(
        Feature(
            f"dosage_{drug}",
            (drug,),
            "table",
            "only",
            "scaled",
            (0.0,),
            table={"No": 0.0, "Down": 1.0, "Steady": 2.0, "Up": 3.0},
        )
        for drug in SINGLE_DRUGS
    ),
    _number("admission_type_id"),
    _number("discharge_disposition_id"),
    _number("admission_source_id"),
    *(
        Feature(f"has_{name}", DIAGNOSES, "diagnosis_flag", "any", "scaled", (0.0,) * 3, ranges=((name, ranges),))
        for name, ranges in (*diagnoses.COMORBIDITIES, ("diabetes_complication", diagnoses.DIABETES_COMPLICATION))
    ),
    _category("race", RACES),
    _category("gender", GENDERS, "Unknown/Invalid"),
    _category("A1Cresult", A1C, "None"),
    _category("max_glu_serum", GLUCOSE, "None"),
    _category("change", ("No", "Ch"), "No"),
    _category("diabetesMed", ("No", "Yes"), "No"),
    _levels("disposition", "discharge_disposition_id", _codes(DISPOSITION_GROUPS), MISSING),
    _levels("source", "admission_source_id", _codes(SOURCE_GROUPS), MISSING),
    _levels("type", "admission_type_id", _codes(TYPE_GROUPS), MISSING),
    *(
        Feature(
            f"chapter_{column}",
            (column,),
            "diagnosis_group",
            "only",
            "one_hot",
            (MISSING,),
            ranges=diagnoses.CHAPTERS,
            levels=(*diagnoses.names(diagnoses.CHAPTERS), MISSING),
        )
        for column in DIAGNOSES
    ),
    *(
        Feature(f"group_{column}", (column,), "diagnosis_group", "only", "target", (MISSING,), ranges=diagnoses.GROUPS)
        for column in DIAGNOSES
    ),
    Feature(
        "specialty",
        ("medical_specialty",),
        "table",
        "only",
        "target",
        (MISSING,),
        table={name: name for name in SPECIALTIES},
    ),
)

SCALED: tuple[Feature, ...] = tuple(f for f in FEATURES if f.encoding == "scaled")
ONE_HOT: tuple[Feature, ...] = tuple(f for f in FEATURES if f.encoding == "one_hot")
TARGET_ENCODED: tuple[Feature, ...] = tuple(f for f in FEATURES if f.encoding == "target")
INPUT_COLUMNS: tuple[str, ...] = tuple(dict.fromkeys(column for f in FEATURES for column in f.columns))
