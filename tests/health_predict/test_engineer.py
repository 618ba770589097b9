import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from health_predict.columns import DRUGS, INPUTS, TARGET_COLUMN, WHOLE_NUMBERS
from health_predict.engineer import engineer
from health_predict.features import FEATURES, INPUT_COLUMNS, SCALED
from tests.strategies import frame, raw_frame, records

ENCOUNTER = {
    **dict.fromkeys(DRUGS, "No"),
    "race": "Asian",
    "gender": "Male",
    "age": "[70-80)",
    "admission_type_id": 2,
    "discharge_disposition_id": 6,
    "admission_source_id": 4,
    "time_in_hospital": 4,
    "medical_specialty": "Cardiology",
    "num_lab_procedures": 50,
    "num_procedures": 3,
    "num_medications": 18,
    "number_outpatient": 2,
    "number_emergency": 0,
    "number_inpatient": 5,
    "diag_1": "428.0",
    "diag_2": "250.41",
    "diag_3": "V45",
    "number_diagnoses": 9,
    "max_glu_serum": "None",
    "A1Cresult": ">8",
    "metformin": "Steady",
    "insulin": "Up",
    "glyburide": "Down",
    "tolbutamide": "Steady",
    "change": "Ch",
    "diabetesMed": "Yes",
}
BY_HAND = {
    "age": 7.0,
    "time_in_hospital": 4.0,
    "num_lab_procedures": 50.0,
    "num_procedures": 3.0,
    "num_medications": 18.0,
    "number_outpatient": 2.0,
    "number_emergency": 0.0,
    "number_inpatient": 5.0,
    "number_diagnoses": 9.0,
    "prior_use": 7.0,
    "any_inpatient": 1.0,
    "any_emergency": 0.0,
    "labs_per_day": 12.5,
    "medications_per_day": 4.5,
    "drugs_on": 4.0,
    "drugs_up": 1.0,
    "drugs_down": 1.0,
    "dosage_metformin": 2.0,
    "dosage_insulin": 3.0,
    "dosage_glyburide": 1.0,
    "admission_type_id": 2.0,
    "discharge_disposition_id": 6.0,
    "admission_source_id": 4.0,
    "has_heart_failure": 1.0,
    "has_diabetes_complication": 1.0,
    "race": "Asian",
    "gender": "Male",
    "A1Cresult": ">8",
    "max_glu_serum": "None",
    "change": "Ch",
    "diabetesMed": "Yes",
    "disposition": "home_with_care",
    "source": "transfer",
    "type": "urgent",
    "chapter_diag_1": "circulatory",
    "chapter_diag_2": "diabetes",
    "chapter_diag_3": "other",
    "group_diag_1": "heart_failure",
    "group_diag_2": "diabetes_renal",
    "group_diag_3": "supplementary",
    "specialty": "Cardiology",
}
ALL_MISSING = {
    "age": 6.0,
    "prior_use": 0.0,
    "labs_per_day": 44 / 4,
    "medications_per_day": 15 / 4,
    "admission_source_id": 7.0,
    "number_diagnoses": 8.0,
    "num_procedures": 1.0,
    "time_in_hospital": 4.0,
    "num_lab_procedures": 44.0,
    "num_medications": 15.0,
    "admission_type_id": 1.0,
    "discharge_disposition_id": 1.0,
    "gender": "Unknown/Invalid",
    "A1Cresult": "None",
    "max_glu_serum": "None",
    "change": "No",
    "diabetesMed": "No",
}


def test_every_feature_of_one_encounter_by_hand() -> None:
    row = engineer(pd.DataFrame([ENCOUNTER])).iloc[0].to_dict()
    assert row == {feature.name: BY_HAND.get(feature.name, 0.0) for feature in FEATURES}


def test_an_encounter_of_which_nothing_is_known() -> None:
    row = engineer(pd.DataFrame([dict.fromkeys(INPUT_COLUMNS)])).iloc[0].to_dict()
    assert row == {f.name: ALL_MISSING.get(f.name, 0.0 if f.encoding == "scaled" else "missing") for f in FEATURES}


def test_a_stay_of_no_days_does_not_divide_by_zero() -> None:
    row = engineer(pd.DataFrame([{**ENCOUNTER, "time_in_hospital": 0}])).iloc[0]
    assert row["labs_per_day"] == 50.0


@pytest.mark.parametrize("position", [0, 1, 2])
def test_a_flag_looks_at_all_three_diagnoses(position: int) -> None:
    codes = ["401", "250", "8"]
    codes[position] = "584.9"
    row = engineer(pd.DataFrame([{**ENCOUNTER, **dict(zip(("diag_1", "diag_2", "diag_3"), codes, strict=True))}]))
    assert row["has_renal_acute"].item() == 1.0


def test_types_and_index() -> None:
    raw = raw_frame(40).set_index(pd.Index(range(100, 140)))
    engineered = engineer(raw)
    assert list(engineered.columns) == [feature.name for feature in FEATURES]
    assert engineered.index.equals(raw.index)
    scaled = [feature.name for feature in SCALED]
    assert set(engineered[scaled].dtypes) == {np.dtype("float64")}
    assert not engineered.isna().any(axis=None)
    assert engineered.drop(columns=scaled).map(lambda level: isinstance(level, str)).all(axis=None)


def test_a_batch_without_target_or_other_columns_is_normal() -> None:
    raw = raw_frame(40)
    unused = ["encounter_id", "patient_nbr", TARGET_COLUMN, "weight", "payer_code"]
    pd.testing.assert_frame_equal(engineer(raw.drop(columns=unused)), engineer(raw))


def test_the_order_of_the_columns_is_irrelevant() -> None:
    raw = raw_frame(40)
    pd.testing.assert_frame_equal(engineer(raw[sorted(raw.columns, reverse=True)]), engineer(raw))


def test_no_rows_give_no_rows() -> None:
    assert engineer(raw_frame(40).head(0)).shape == (0, len(FEATURES))


@given(records(min_size=2, max_size=8), st.data())
@settings(max_examples=12)
def test_a_row_depends_on_no_other_row(rows, data) -> None:
    raw = frame(rows)
    kept = data.draw(st.lists(st.integers(0, len(raw) - 1), min_size=1, unique=True))
    pd.testing.assert_frame_equal(engineer(raw.iloc[kept]), engineer(raw).iloc[kept])


def _as_float(raw: pd.DataFrame) -> pd.DataFrame:
    return raw.astype(dict.fromkeys(set(WHOLE_NUMBERS) & set(raw.columns), "float64"))


def _as_category(raw: pd.DataFrame) -> pd.DataFrame:
    return raw.astype("category")


def _as_none(raw: pd.DataFrame) -> pd.DataFrame:
    return raw.astype(object).where(raw.notna(), None)


def _as_nullable(raw: pd.DataFrame) -> pd.DataFrame:
    return raw.convert_dtypes()


@pytest.mark.parametrize("store", [_as_float, _as_category, _as_none, _as_nullable], ids=lambda f: f.__name__)
def test_the_same_values_in_another_type_give_the_same_features(store) -> None:
    raw = raw_frame(60)[[column.name for column in INPUTS]]
    pd.testing.assert_frame_equal(engineer(store(raw)), engineer(raw))


def test_parquet_keeps_every_feature(tmp_path) -> None:
    raw = raw_frame(60)
    raw.to_parquet(tmp_path / "part.parquet")
    pd.testing.assert_frame_equal(engineer(pd.read_parquet(tmp_path / "part.parquet")), engineer(raw))
