import traceback

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from health_predict.columns import COLUMNS, NAMES, TARGET_COLUMN, WHOLE_NUMBERS
from health_predict.errors import InputError
from health_predict.reading import parse_csv
from health_predict.schema import validate
from tests.strategies import csv_text, frame, raw_frame, records

ROWS = 200
CANARY = "CANARY-7731"  # stands for a patient's value, which no message may quote


@pytest.fixture(scope="module")
def valid() -> pd.DataFrame:
    return raw_frame(ROWS)


@pytest.fixture
def strings(valid) -> pd.DataFrame:
    """What `parse_csv` returns for a good file: a copy for each test to spoil."""
    return parse_csv(csv_text(valid).encode(), "good")


def complaint(spoiled: pd.DataFrame) -> str:
    """Return the message, after making sure that neither it nor its traceback quotes a value."""
    with pytest.raises(InputError) as caught:
        validate(spoiled, "batch.csv")
    message = str(caught.value)
    assert "\n" not in message
    assert CANARY not in "".join(traceback.format_exception(caught.value))
    return message


def spoil(strings: pd.DataFrame, column: str, value: object, rows: int) -> pd.DataFrame:
    strings.iloc[:rows, strings.columns.get_loc(column)] = value
    return strings


def test_a_good_frame_comes_back_converted(valid, strings) -> None:
    pd.testing.assert_frame_equal(validate(strings, "good"), valid)


def test_a_checked_frame_is_valid_again(valid) -> None:
    pd.testing.assert_frame_equal(validate(valid, "checked"), valid)


def test_types(strings) -> None:
    checked = validate(strings, "good")
    assert {name for name in NAMES if checked[name].dtype == np.int64} == set(WHOLE_NUMBERS)
    assert {str(checked[name].dtype) for name in NAMES if name not in WHOLE_NUMBERS} == {"object"}


def test_the_real_file_is_valid(real_raw) -> None:
    assert real_raw.provenance == "uci"
    assert tuple(real_raw.frame.columns) == NAMES


def test_columns_in_another_order_are_put_in_the_declared_one(valid, strings) -> None:
    pd.testing.assert_frame_equal(validate(strings[sorted(NAMES)], "good"), valid)


def test_a_batch_without_target_is_normal(valid, strings) -> None:
    checked = validate(strings.drop(columns=TARGET_COLUMN), "batch")
    pd.testing.assert_frame_equal(checked, valid.drop(columns=TARGET_COLUMN))


def test_columns_that_are_missing_throughout_are_normal(strings) -> None:
    """As payer_code is in the first fifth of the file."""
    optional = [column.name for column in COLUMNS if column.missing]
    checked = validate(
        strings.assign(**dict.fromkeys(optional, np.nan)).astype(dict.fromkeys(optional, object)), "batch"
    )
    assert checked[optional].isna().all(axis=None)


def test_not_measured_is_a_value(strings) -> None:
    checked = validate(strings.assign(A1Cresult="None", max_glu_serum="None"), "good")
    assert (checked[["A1Cresult", "max_glu_serum"]] == "None").all(axis=None)


@pytest.mark.parametrize("text", ["5", "5.0", " 5 ", "05"])
def test_whole_numbers_may_be_written_in_any_way(strings, text: str) -> None:
    assert (validate(strings.assign(num_medications=text), "good")["num_medications"] == 5).all()


def test_missing_column(strings) -> None:
    assert complaint(strings.drop(columns="race")) == "batch.csv: column 'race' is missing; add it"


def test_several_missing_columns(strings) -> None:
    spoiled = strings.drop(columns=["race", "age", "insulin"])
    assert complaint(spoiled) == "batch.csv: column 'race' is missing (and 2 more); add it"


@pytest.mark.parametrize(
    ("name", "renamed"),
    [("time_in_hospital", "timeInHospital"), ("race", "Race"), ("diabetesMed", "diabetes_med"), ("diag_1", " diag_1")],
)
def test_renamed_column(strings, name: str, renamed: str) -> None:
    message = complaint(strings.rename(columns={name: renamed}))
    assert message == f"batch.csv: column '{name}' is missing; rename column '{renamed}'"


@pytest.mark.parametrize("name", ["ward", "Unnamed: 0", "readmited"])
def test_extra_column(strings, name: str) -> None:
    spoiled = strings.assign(**{name: CANARY})
    assert complaint(spoiled) == f"batch.csv: column '{name}' is not one of the 50 declared columns; remove it"


def test_doubled_column(strings) -> None:
    message = complaint(pd.concat([strings, strings[["age"]]], axis=1))
    assert message == "batch.csv: column 'age' is not one of the 50 declared columns; remove it"


def test_a_column_name_with_a_line_break_stays_on_one_line(strings) -> None:
    message = complaint(strings.assign(**{"a\nb": "x"}))
    assert message == r"batch.csv: column 'a\nb' is not one of the 50 declared columns; remove it"


def test_a_file_of_something_else_is_not_described_column_by_column() -> None:
    message = complaint(pd.DataFrame({CANARY: ["1"], "weight": ["2"]}))
    assert message == (
        "batch.csv: not the diabetes file: 48 of 50 columns are missing; give UCI data set 296, comma separated"
    )


@pytest.mark.parametrize(
    ("column", "count", "value"),
    [
        ("race", 5, CANARY),
        ("race", 5, " "),
        ("race", 5, "nan"),
        ("race", 5, "caucasian"),
        ("insulin", 4, CANARY),
        ("medical_specialty", 72, CANARY),
        ("A1Cresult", 4, "none"),
        ("readmitted", 3, CANARY),
    ],
)
def test_unknown_category(strings, column: str, count: int, value: str) -> None:
    message = complaint(spoil(strings, column, value, 7))
    assert message == (
        f"batch.csv: column '{column}': 7 rows with values outside the {count} declared categories; correct them"
    )


def test_empty_cells_are_named_with_what_stands_for_missing(strings) -> None:
    message = complaint(spoil(strings, "A1Cresult", "", 7))
    assert message == (
        "batch.csv: column 'A1Cresult': 7 rows with values outside the 4 declared categories; "
        "they are empty: write ? for a missing value, None for a test that was not made"
    )


def test_one_row_is_named_in_the_singular(strings) -> None:
    message = complaint(spoil(strings, "race", CANARY, 1))
    assert message == "batch.csv: column 'race': 1 row with values outside the 5 declared categories; correct them"


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("patient_nbr", CANARY),
        ("admission_type_id", CANARY),
        *(("num_medications", value) for value in (CANARY, "", "3.5", "1e400", "inf", "nan", "0x10", "9" * 30, np.nan)),
    ],
)
def test_what_is_no_whole_number(strings, column: str, value) -> None:
    message = complaint(spoil(strings, column, value, 4))
    assert message == f"batch.csv: column '{column}': 4 rows with no whole number; correct them"


@pytest.mark.parametrize(
    ("column", "value", "bounds"),
    [
        ("time_in_hospital", "0", "1 to 14"),
        ("time_in_hospital", "15", "1 to 14"),
        ("num_medications", "-1", "0 to 200"),
        ("number_diagnoses", "77310", "1 to 40"),
        ("patient_nbr", "0", "1 to 9007199254740992"),
        ("patient_nbr", "-9223372036854775808", "1 to 9007199254740992"),
    ],
)
def test_out_of_range(strings, column: str, value: str, bounds: str) -> None:
    message = complaint(spoil(strings, column, value, 3))
    assert message == f"batch.csv: column '{column}': 3 rows with values outside {bounds}; correct them"


@pytest.mark.parametrize(("column", "last"), [("discharge_disposition_id", 30), ("admission_source_id", 26)])
def test_unknown_code(strings, column: str, last: int) -> None:
    message = complaint(spoil(strings, column, "77310", 2))
    assert (
        message == f"batch.csv: column '{column}': 2 rows with values outside the declared codes 1-{last}; correct them"
    )


@pytest.mark.parametrize("value", [CANARY, "I10", "v45", "250.831", "0x10"])
def test_bad_diagnosis(strings, value: str) -> None:
    message = complaint(spoil(strings, "diag_2", value, 5))
    assert message == "batch.csv: column 'diag_2': 5 rows with values that are no ICD-9-CM codes; correct them"


def test_doubled_encounter(strings) -> None:
    message = complaint(spoil(strings, "encounter_id", "9", 2))
    assert message == "batch.csv: column 'encounter_id': 3 rows with values that occur twice; correct them"


@pytest.mark.parametrize("column", ["gender", "age", "A1Cresult", "change", TARGET_COLUMN])
def test_missing_where_it_may_not_be(strings, column: str) -> None:
    message = complaint(spoil(strings, column, np.nan, 6))
    assert message == f"batch.csv: column '{column}': 6 rows with values that are missing; correct them"


def test_the_first_bad_column_is_named_and_the_others_are_counted(strings) -> None:
    spoiled = spoil(spoil(spoil(strings, "race", CANARY, 2), "age", CANARY, 3), "insulin", CANARY, 4)
    message = complaint(spoiled)
    assert message == (
        "batch.csv: column 'race': 2 rows with values outside the 5 declared categories (and 2 more columns);"
        " correct them"
    )


def test_thousands_are_written_with_a_comma() -> None:
    spoiled = parse_csv(csv_text(raw_frame(1500)).encode(), "good").assign(gender=CANARY)
    assert ": 1,500 rows with values outside the 3 declared" in complaint(spoiled)


@given(records(columns=COLUMNS, max_size=6))
@settings(max_examples=6)
def test_every_declared_value_is_accepted(rows) -> None:
    for number, row in enumerate(rows):
        row["encounter_id"] = number + 1
    raw = frame(rows, COLUMNS)
    pd.testing.assert_frame_equal(validate(parse_csv(csv_text(raw).encode(), "good"), "good"), raw)


@given(st.sampled_from(COLUMNS), st.text(st.characters(codec="utf-8", exclude_categories=["C"]), min_size=1))
@settings(max_examples=15)
def test_no_text_is_ever_quoted(valid, column, text: str) -> None:
    spoiled = valid.head(3).astype(object)
    message = complaint(spoil(spoiled, column.name, f"{CANARY}{text}", 1))
    assert message.startswith(f"batch.csv: column '{column.name}': 1 row with ")
