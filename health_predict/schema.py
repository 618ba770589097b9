"""The pandera schema of the raw file, built from the declaration, and its one-line verdicts."""

import difflib
import re
from typing import Any

import pandas as pd
import pandera.pandas as pa

from health_predict.columns import BY_NAME, COLUMNS, DIAGNOSIS_PATTERN, ENCOUNTER, TARGET_COLUMN, WHOLE_NUMBERS, Column
from health_predict.errors import InputError


def build_schema() -> pa.DataFrameSchema:
    """Build the schema of a frame that has been converted by `validate`."""
    return pa.DataFrameSchema({column.name: _declare(column) for column in COLUMNS})


def _declare(column: Column) -> pa.Column:
    unique = column.name == ENCOUNTER
    kind: Any = "int64" if column.name in WHOLE_NUMBERS else object
    required = column.name != TARGET_COLUMN
    return pa.Column(kind, _check(column), nullable=column.missing, unique=unique, required=required)


def _check(column: Column) -> pa.Check:
    if column.kind == "category":
        return pa.Check.isin(column.categories, error=f"outside the {len(column.categories)} declared categories")
    if column.kind == "code":
        return pa.Check.isin(column.codes, error=f"outside the declared codes {column.codes[0]}-{column.codes[-1]}")
    if column.kind == "diagnosis":
        return pa.Check(_is_diagnosis, error="that are no ICD-9-CM codes")
    return pa.Check.in_range(column.low, column.high, error=f"outside {column.low} to {column.high}")


def _is_diagnosis(values: "pd.Series[Any]") -> "pd.Series[bool]":
    """Match distinct values only: there are about 800 among 100,000."""
    good = {value for value in values.dropna().unique() if re.fullmatch(DIAGNOSIS_PATTERN, value)}
    return values.isin(good)


def validate(frame: pd.DataFrame, source: str) -> pd.DataFrame:
    """Convert and check a frame of strings; the target column may be absent, which is a normal batch.

    Args:
        frame: every column as str, missing as NaN.
        source: what the message calls the file.

    Returns:
        The frame in declared column order, whole numbers as int64.

    Raises:
        InputError: one line with file, column and row count; it never quotes a value.
    """
    _check_names(list(frame.columns), source)
    ordered = frame[[name for name in BY_NAME if name in frame.columns]]
    numbers = {name: _to_int64(ordered[name], source) for name in WHOLE_NUMBERS}
    converted = ordered.assign(**numbers)
    try:
        return build_schema().validate(converted, lazy=True)
    except pa.errors.SchemaErrors as errors:
        raise InputError(_one_line(errors.failure_cases, source)) from None


def _check_names(found: list[str], source: str) -> None:
    doubled = sorted({name for name in found if found.count(name) > 1})
    missing = [name for name in BY_NAME if name not in found and name != TARGET_COLUMN]
    unknown = [name for name in found if name not in BY_NAME]
    if missing and len(missing) > len(BY_NAME) // 2:
        lost = f"{len(missing)} of {len(BY_NAME)} columns are missing"
        raise InputError(f"{source}: not the diabetes file: {lost}; give UCI data set 296, comma separated")
    if missing:
        close = difflib.get_close_matches(missing[0], unknown, n=1, cutoff=0.6)
        cure = f"rename column {close[0]!r}" if close else "add it"
        raise InputError(f"{source}: column '{missing[0]}' is missing{_and_more(missing)}; {cure}")
    if unknown or doubled:
        name = (unknown or doubled)[0]
        raise InputError(f"{source}: column {name!r} is not one of the {len(BY_NAME)} declared columns; remove it")


def _and_more(names: list[str]) -> str:
    return f" (and {len(names) - 1} more)" if len(names) > 1 else ""


def _to_int64(values: "pd.Series[Any]", source: str) -> "pd.Series[int]":
    numbers = pd.to_numeric(values, errors="coerce")
    bad = int((numbers.isna() | (numbers % 1 != 0) | (numbers.abs() > 2**53)).sum())
    if bad:
        raise InputError(f"{source}: column '{values.name}': {_rows(bad)} with no whole number; correct them")
    return numbers.astype("int64")


def _one_line(failures: pd.DataFrame, source: str) -> str:
    """Name the first column that fails, with how many rows and why."""
    first = failures.iloc[0]
    column, check = str(first["column"]), str(first["check"])
    cases = failures.loc[(failures["column"] == column) & (failures["check"] == check), "failure_case"]
    why = {"not_nullable": "that are missing", "field_uniqueness": "that occur twice"}.get(check, check)
    others = failures["column"].nunique() - 1
    more = f" (and {others} more column{'s' * (others > 1)})" if others else ""
    return f"{source}: column '{column}': {_rows(len(cases))} with values {why}{more}; {_cure(cases)}"


def _cure(cases: "pd.Series[Any]") -> str:
    """Empty cells are what a file has that pandas has read and written: it takes "None" for a missing value."""
    if (cases == "").all():
        return "they are empty: write ? for a missing value, None for a test that was not made"
    return "correct them"


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count:,} rows"
