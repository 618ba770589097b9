import math
from dataclasses import replace

import pytest

from health_predict.columns import AGES, BY_NAME, COLUMNS, DIAGNOSES, DRUGS, ENCOUNTER, INPUTS, PATIENT, TARGET_COLUMN
from health_predict.features import (
    FEATURES,
    INPUT_COLUMNS,
    MISSING,
    ONE_HOT,
    SCALED,
    TARGET_ENCODED,
    TYPICAL,
    element,
)
from health_predict.splits import NOT_AT_RISK

BY_FEATURE = {feature.name: feature for feature in FEATURES}


def test_names_are_unique_and_every_feature_is_encoded_once() -> None:
    assert len(BY_FEATURE) == len(FEATURES) == len(SCALED) + len(ONE_HOT) + len(TARGET_ENCODED)
    assert len(SCALED) + sum(len(f.levels) for f in ONE_HOT) + len(TARGET_ENCODED) == 126


def test_every_input_column_feeds_a_feature_and_nothing_else_does() -> None:
    assert set(INPUT_COLUMNS) == {column.name for column in INPUTS}
    assert set(INPUT_COLUMNS).isdisjoint({ENCOUNTER, PATIENT, TARGET_COLUMN, "weight", "payer_code"})


@pytest.mark.parametrize("feature", FEATURES, ids=lambda feature: feature.name)
def test_the_parts_of_a_declaration_fit_together(feature) -> None:
    assert len(feature.fallback) == len(feature.columns)
    assert bool(feature.table) == (feature.element == "table")
    assert bool(feature.ranges) == feature.element.startswith("diagnosis")
    assert bool(feature.levels) == (feature.encoding == "one_hot")
    assert len(set(feature.levels)) == len(feature.levels)
    if feature.encoding == "one_hot":
        assert set(feature.table.values()) | set(feature.fallback) <= set(feature.levels)
    if feature.encoding == "scaled":
        assert all(isinstance(value, float) for value in (*feature.table.values(), *feature.fallback))
    if feature.combine == "ratio":
        assert len(feature.columns) == 2
    if feature.combine in ("only", "positive"):
        assert len(feature.columns) == 1


@pytest.mark.parametrize("feature", [f for f in FEATURES if f.element == "table"], ids=lambda feature: feature.name)
def test_a_table_has_only_declared_values_as_keys(feature) -> None:
    for name in feature.columns:
        column = BY_NAME[name]
        assert set(feature.table) <= set(column.categories or column.codes)


@pytest.mark.parametrize("name", ["race", "gender", "A1Cresult", "max_glu_serum", "change", "diabetesMed", "specialty"])
def test_categories_stand_for_themselves(name: str) -> None:
    feature = BY_FEATURE[name]
    for category in BY_NAME[feature.columns[0]].categories:
        assert element(feature, 0, category) == category


@pytest.mark.parametrize("feature", FEATURES, ids=lambda feature: feature.name)
@pytest.mark.parametrize("missing", [None, math.nan], ids=["None", "NaN"])
def test_missing_takes_the_fallback_of_its_column(feature, missing) -> None:
    for position, fallback in enumerate(feature.fallback):
        assert element(feature, position, missing) == fallback


@pytest.mark.parametrize("feature", [f for f in FEATURES if f.element == "table"], ids=lambda feature: feature.name)
def test_a_value_that_the_table_lacks_takes_the_fallback(feature) -> None:
    assert element(feature, 0, "never declared") == feature.fallback[0]


def test_the_string_none_is_a_value_and_not_a_missing_one() -> None:
    no_default = replace(BY_FEATURE["A1Cresult"], fallback=("another",))
    assert element(no_default, 0, "None") == "None"
    assert element(no_default, 0, None) == "another"


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("age", "[0-10)", 0.0),
        ("age", "[90-100)", 9.0),
        ("num_medications", 17, 17.0),
        ("discharge_disposition_id", 6, 6.0),
        ("dosage_insulin", "No", 0.0),
        ("dosage_insulin", "Down", 1.0),
        ("dosage_insulin", "Steady", 2.0),
        ("dosage_insulin", "Up", 3.0),
        ("drugs_on", "No", 0.0),
        ("drugs_on", "Down", 1.0),
        ("drugs_on", "Steady", 1.0),
        ("drugs_on", "Up", 1.0),
        ("drugs_up", "Up", 1.0),
        ("drugs_up", "Down", 0.0),
        ("drugs_up", "Steady", 0.0),
        ("drugs_down", "Down", 1.0),
        ("drugs_down", "Up", 0.0),
        ("drugs_down", "Steady", 0.0),
        ("disposition", 1, "home"),
        ("disposition", 8, "home_with_care"),
        ("disposition", 24, "nursing_facility"),
        ("disposition", 22, "rehabilitation"),
        ("disposition", 30, "other_hospital"),
        ("disposition", 7, "against_advice"),
        ("disposition", 16, "outpatient_follow_up"),
        ("disposition", 18, MISSING),
        ("source", 3, "referral"),
        ("source", 22, "transfer"),
        ("source", 7, "emergency_room"),
        ("source", 8, "other"),
        ("source", 17, MISSING),
        ("type", 1, "emergency"),
        ("type", 7, "newborn_or_trauma"),
        ("type", 6, MISSING),
        ("chapter_diag_1", "250.4", "diabetes"),
        ("chapter_diag_1", "V57", "other"),
        ("group_diag_2", "250.4", "diabetes_renal"),
        ("specialty", "Surgery-Neuro", "Surgery-Neuro"),
        ("has_heart_failure", "428.2", 1.0),
        ("has_heart_failure", "427.9", 0.0),
        ("has_cancer", "208.9", 1.0),
        ("has_cancer", "V10", 0.0),
        ("has_diabetes_complication", "250.03", 0.0),
        ("has_diabetes_complication", "250.6", 1.0),
    ],
)
def test_element_by_hand(name: str, value, expected) -> None:
    assert element(BY_FEATURE[name], 0, value) == expected


def test_codes_that_mean_not_available_count_as_missing() -> None:
    """IDs_mapping.csv: NULL, Not Available, Not Mapped, Unknown/Invalid; and who is not at risk of a readmission."""
    unknown = {"disposition": {18, 25, 26, *NOT_AT_RISK}, "source": {9, 15, 16, 17, 20, 21}, "type": {5, 6, 8}}
    for name, expected in unknown.items():
        codes = BY_NAME[BY_FEATURE[name].columns[0]].codes
        assert {code for code in codes if element(BY_FEATURE[name], 0, code) == MISSING} == expected


def test_numbers_fall_back_to_the_median_of_the_real_file(real_raw) -> None:
    assert {name: real_raw.frame[name].median() for name in TYPICAL} == TYPICAL
    typical_age = real_raw.frame["age"].map({age: i for i, age in enumerate(AGES)}).median()
    assert BY_FEATURE["age"].fallback == (typical_age,)


def test_joint_features_cover_all_drugs_and_all_diagnoses() -> None:
    for name in ("drugs_on", "drugs_up", "drugs_down"):
        assert BY_FEATURE[name].columns == DRUGS
    flags = [feature for feature in FEATURES if feature.element == "diagnosis_flag"]
    assert len(flags) == 25
    assert all(feature.columns == DIAGNOSES for feature in flags)


def test_unused_columns_are_declared_as_such() -> None:
    assert {column.name for column in COLUMNS if column.name not in INPUT_COLUMNS} == {
        ENCOUNTER,
        PATIENT,
        TARGET_COLUMN,
        "weight",
        "payer_code",
    }
