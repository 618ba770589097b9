import csv
import io
import re

import pytest

from health_predict.columns import (
    BY_NAME,
    COLUMNS,
    DIAGNOSIS_PATTERN,
    DRUGS,
    ENCOUNTER,
    INPUTS,
    MISSING_MARKER,
    NAMES,
    PATIENT,
    TARGET_COLUMN,
    WHOLE_NUMBERS,
)
from health_predict.reading import RawData, csv_bytes
from tests.imports import modules_loaded_by


def test_names_and_order_are_those_of_the_real_header(real_path) -> None:
    header = csv_bytes(real_path).split(b"\n", 1)[0].decode()
    assert tuple(next(csv.reader(io.StringIO(header)))) == NAMES
    assert len(NAMES) == len(set(NAMES)) == 50


def test_what_may_be_missing_is_what_is_missing_in_the_real_file(real_raw: RawData) -> None:
    assert {c.name for c in COLUMNS if c.missing} == set(real_raw.frame.columns[real_raw.frame.isna().any()])


def test_every_declared_category_but_rare_dosages_occurs_in_the_real_file(real_raw: RawData) -> None:
    for column in COLUMNS:
        if column.kind == "category" and column.name not in DRUGS:
            assert set(column.categories) == set(real_raw.frame[column.name].dropna().unique()), column.name


def test_every_kind_declares_what_it_needs_and_nothing_else() -> None:
    for column in COLUMNS:
        assert column.meaning, column.name
        assert bool(column.categories) == (column.kind == "category"), column.name
        assert bool(column.codes) == (column.kind == "code"), column.name
        assert (column.low < column.high) == (column.kind in ("integer", "identifier")), column.name
        assert len(set(column.categories)) == len(column.categories), column.name


def test_roles() -> None:
    by_role = {role: {c.name for c in COLUMNS if c.role == role} for role in ("identifier", "unused", "target")}
    assert by_role == {
        "identifier": {ENCOUNTER, PATIENT},
        "unused": {"weight", "payer_code"},
        "target": {TARGET_COLUMN},
    }
    assert len(INPUTS) == 45
    assert set(WHOLE_NUMBERS) == {c.name for c in COLUMNS if not c.categories and c.kind != "diagnosis"}


def test_the_missing_marker_is_no_category_and_not_measured_is_one() -> None:
    assert all(MISSING_MARKER not in column.categories for column in COLUMNS)
    assert "None" in BY_NAME["A1Cresult"].categories
    assert "None" in BY_NAME["max_glu_serum"].categories


@pytest.mark.parametrize("code", ["8", "38", "250", "250.0", "250.83", "V45", "V45.81", "E849", "E888.9"])
def test_diagnosis_pattern_takes_codes_as_the_file_writes_them(code: str) -> None:
    assert re.fullmatch(DIAGNOSIS_PATTERN, code)


@pytest.mark.parametrize(
    "code",
    ["", "?", "None", "2500", "250.", ".5", "250.831", "v45", "V4", "V450", "E84", "E8499", "I10", "250 ", "٢٥٠"],
)
def test_diagnosis_pattern_refuses_everything_else(code: str) -> None:
    assert not re.fullmatch(DIAGNOSIS_PATTERN, code)


@pytest.mark.parametrize("module", ["errors", "columns", "diagnoses", "features", "encoder", "calibration", "records"])
def test_declarations_and_encoder_load_neither_pandas_nor_a_learning_library(module: str) -> None:
    loaded = modules_loaded_by(f"health_predict.{module}")
    assert f"health_predict.{module}" in loaded
    assert loaded.isdisjoint({"pandas", "pandera", "sklearn", "xgboost", "scipy", "joblib"})
