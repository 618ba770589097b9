"""Generated encounters: as records, as frames, as the CSV a user would hand in."""

import math
from collections.abc import Mapping, Sequence

import pandas as pd
from hypothesis import strategies as st

from health_predict.columns import COLUMNS, DIAGNOSIS_PATTERN, INPUTS, MISSING_MARKER, WHOLE_NUMBERS, Column
from health_predict.features import Value
from health_predict.records import generate_records

Records = list[dict[str, Value]]


def values(column: Column) -> st.SearchStrategy[Value]:
    """Every value that the declaration allows in a column; None where it may be missing."""
    if column.kind == "diagnosis":
        allowed: st.SearchStrategy[Value] = st.from_regex(DIAGNOSIS_PATTERN, fullmatch=True)
    elif column.kind in ("integer", "identifier"):
        allowed = st.integers(column.low, column.high)
    else:
        allowed = st.sampled_from(column.categories or column.codes)
    return st.none() | allowed if column.missing else allowed


def records(*, min_size: int = 1, max_size: int = 12, columns: Sequence[Column] = INPUTS) -> st.SearchStrategy[Records]:
    """Lists of valid raw records."""
    record = st.fixed_dictionaries({column.name: values(column) for column in columns})
    return st.lists(record, min_size=min_size, max_size=max_size)


def frame(rows: Sequence[Mapping[str, Value]], columns: Sequence[Column] = INPUTS) -> pd.DataFrame:
    """Lay records out as `read_raw` returns them, missing as NaN."""
    return pd.DataFrame({column.name: _series([row[column.name] for row in rows], column) for column in columns})


def _series(cells: list[Value], column: Column) -> pd.Series:
    if column.name in WHOLE_NUMBERS:
        return pd.Series(cells, dtype="int64")
    return pd.Series([math.nan if cell is None else cell for cell in cells], dtype=object)


def raw_frame(n: int, seed: int = 0, *, share_missing: float = 0.1) -> pd.DataFrame:
    """Generate n encounters with identifiers and target, whole numbers as int64."""
    return frame(generate_records(n, seed, share_missing=share_missing, columns=COLUMNS), COLUMNS)


def csv_text(table: pd.DataFrame) -> str:
    """Write a frame as UCI does: comma separated, "?" for missing."""
    return table.to_csv(index=False, na_rep=MISSING_MARKER)
