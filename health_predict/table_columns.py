"""Which column of a table feeds which declared field, and what its cells say, by the rules of `record_schema`.

A cell is read once per distinct value. In text, "?" is missing and whole numbers are digits, as in the raw file.
"""

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pyarrow as pa

from health_predict.columns import BY_NAME, ENCOUNTER, MISSING_MARKER, PATIENT, TARGET_COLUMN, WHOLE_NUMBERS
from health_predict.errors import InputError
from health_predict.features import Value
from health_predict.record_schema import REQUEST_COLUMNS, read_record
from health_predict.table_encoder import CodedColumn

FIELDS: tuple[str, ...] = tuple(column.name for column in REQUEST_COLUMNS)
SPELLINGS = frozenset(spelling for name in FIELDS for spelling in (name, name.replace("-", "_")))
_REQUIRED = frozenset(problem.field for problem in read_record({})[1])
_WHOLE = re.compile(r"-?[0-9]{1,18}(?:\.0{1,6})?")
_REMEMBERED = 20_000  # distinct values a column may leave in memory; ICD-9 has about 15,000 codes


@dataclass(frozen=True)
class TableLayout:
    """What of a table is used.

    Attributes:
        sources: declared field -> the column of the table that holds it.
        keys: the identifiers that the table has; they are the user's own and copied to the scores as they are.
        absent: model inputs that the table lacks and that may be missing.
    """

    sources: Mapping[str, str]
    keys: tuple[str, ...]
    absent: tuple[str, ...]


@dataclass(frozen=True)
class Cells:
    """One column of n cells.

    Attributes:
        coded: the values, None where missing or refused.
        reasons: why the value at the same place of `coded.values` is refused; None where it is not.
    """

    coded: CodedColumn
    reasons: tuple[str | None, ...]


def lay_out(schema: pa.Schema, source: str) -> TableLayout:
    """Find the declared fields among the columns of a table; names may have underscores for hyphens.

    Raises:
        InputError: a required column is missing, a column occurs twice, or holds nested values.
    """
    sources = {name: found for name in FIELDS if (found := _spelled(name, schema.names)) is not None}
    missing = [name for name in FIELDS if name in _REQUIRED and name not in sources]
    if missing:
        raise InputError(_missing(missing, schema.names, source))
    _check_unique(schema.names, source)
    for name, found in sources.items():
        if pa.types.is_nested(schema.field(found).type):
            raise InputError(f"{source}: column '{name}' holds nested values; write one text or number a cell")
    absent = tuple(n for n in FIELDS if n not in sources and BY_NAME[n].role == "input")
    return TableLayout(sources, tuple(name for name in (ENCOUNTER, PATIENT) if name in schema.names), absent)


class CellReader:
    """Reads the cells of one declared field, chunk after chunk of one table."""

    def __init__(self, field: str) -> None:
        self._field = field
        self._known: dict[object, tuple[Value, str | None]] = {}

    def read(self, array: pa.Array) -> Cells:
        """Check n cells of any plain or dictionary type."""
        encoded = array if pa.types.is_dictionary(array.type) else array.dictionary_encode()
        distinct = [*encoded.dictionary.to_pylist(), None]
        codes = encoded.indices.cast(pa.int64()).fill_null(len(distinct) - 1).to_numpy()
        values, reasons = zip(*map(self._read_value, distinct), strict=True)
        return Cells(CodedColumn(codes, values), reasons)

    def _read_value(self, value: object) -> tuple[Value, str | None]:
        found = self._known.get(value)
        if found is None:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            found = self._known[value] = read_cell(self._field, value)
        return found


def read_cell(field: str, cell: object) -> tuple[Value, str | None]:
    """Return the value of a cell of a declared field, None if missing, and why it is refused, None if it is not."""
    if cell == "":
        return None, f"is empty; write {MISSING_MARKER} for missing"
    value = _plain(cell, field in WHOLE_NUMBERS)
    record, problems = read_record({} if value is None else {field: value})
    reason = next((problem.problem for problem in problems if problem.field == field), None)
    return (None if reason else record.get(field)), reason


def _plain(cell: Any, whole: bool) -> Any:  # noqa: ANN401 - whatever a table may hold
    """What the cell would be in a record."""
    if cell == MISSING_MARKER or cell != cell:  # NaN, as data frames mark what is missing
        return None
    if whole and isinstance(cell, str) and _WHOLE.fullmatch(cell):
        return int(cell.partition(".")[0])
    if whole and isinstance(cell, Decimal) and cell == cell.to_integral_value():
        return int(cell)
    return cell


def _spelled(name: str, names: list[str]) -> str | None:
    return next((spelling for spelling in (name, name.replace("-", "_")) if spelling in names), None)


def _missing(missing: list[str], names: list[str], source: str) -> str:
    """No name of the table is quoted if most are missing: without a header line they are a patient's values."""
    if len(missing) > len(_REQUIRED) // 2:
        lost = f"{len(missing)} of {len(_REQUIRED)} required columns are missing"
        return f"{source}: {lost}; the first line must name the columns, comma separated, as in UCI data set 296"
    more = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
    close = difflib.get_close_matches(missing[0], [n for n in names if n not in BY_NAME], n=1, cutoff=0.6)
    cure = f"rename column {close[0]!r}" if close else "add it"
    return f"{source}: column '{missing[0]}' is missing{more}; {cure}"


def _check_unique(names: list[str], source: str) -> None:
    places: dict[str, int] = {}
    for place, name in enumerate(names, start=1):
        declared = name.replace("_", "-") if name.replace("_", "-") in FIELDS else name
        if declared in places:
            what = f"'{declared}'" if declared in BY_NAME or declared == TARGET_COLUMN else "of one name"
            raise InputError(f"{source}: column {what} is there twice, at {places[declared]} and {place}; remove one")
        places[declared] = place
