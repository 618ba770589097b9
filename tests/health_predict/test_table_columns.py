"""Cells and columns of a table: the rules of the record schema, once per distinct value, and no value in a message."""

from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from health_predict.columns import NAMES, WHOLE_NUMBERS
from health_predict.errors import InputError
from health_predict.record_schema import read_record
from health_predict.table_columns import FIELDS, CellReader, lay_out, read_cell

CANARY = "CANARY-31415"


def texts(names: list[str]) -> pa.Schema:
    return pa.schema([(name, pa.string()) for name in names])


@pytest.mark.parametrize(
    ("field", "cell", "value"),
    [
        ("race", "?", None),
        ("race", None, None),
        ("race", float("nan"), None),
        ("A1Cresult", "None", "None"),
        ("num_medications", "3", 3),
        ("num_medications", "3.0", 3),
        ("num_medications", 3.0, 3),
        ("num_medications", Decimal("3"), 3),
        ("diag_1", "250.83", "250.83"),
        ("diag_1", "008", "008"),
    ],
)
def test_what_a_cell_says(field: str, cell: object, value: object) -> None:
    found, reason = read_cell(field, cell)
    assert (found, reason) == (value, None)
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("field", "cell", "words"),
    [
        ("age", "?", "is missing; must be one of"),
        ("age", None, "is missing"),
        ("num_medications", float("nan"), "is missing"),
        ("race", "", "is empty; write ? for missing"),
        ("age", CANARY, "must be one of"),
        ("num_medications", "3.5", "whole number from 0 to 200"),
        ("num_medications", Decimal("3.5"), "whole number"),
        ("num_medications", " 3", "whole number"),
        ("num_medications", "1_0", "whole number"),
        ("num_medications", "٣", "whole number"),
        ("num_medications", "9" * 5000, "whole number"),
        ("num_medications", "201", "whole number"),
        ("num_medications", True, "whole number"),
        ("diag_1", 250.83, "ICD-9-CM code as text"),
        ("gender", b"Male", "must be one of"),
    ],
)
def test_what_a_cell_may_not_say(field: str, cell: object, words: str) -> None:
    value, reason = read_cell(field, cell)
    assert value is None
    assert words in reason
    assert CANARY not in reason


@given(st.sampled_from(sorted(set(FIELDS) - set(WHOLE_NUMBERS))), st.text(min_size=1).filter(lambda text: text != "?"))
def test_text_is_judged_as_in_a_record(field: str, text: str) -> None:
    problems = [problem.problem for problem in read_record({field: text})[1] if problem.field == field]
    assert read_cell(field, text)[1] == (problems[0] if problems else None)


@given(st.lists(st.sampled_from(["Male", "Female", "?", "", None, "male"]), max_size=30), st.booleans())
def test_a_column_is_read_as_its_cells_are(cells: list[str | None], dictionary: bool) -> None:
    array = pa.array(cells, pa.string())
    read = CellReader("gender").read(array.dictionary_encode() if dictionary else array)
    values = [read.coded.values[code] for code in read.coded.codes]
    reasons = [read.reasons[code] for code in read.coded.codes]
    assert list(zip(values, reasons, strict=True)) == [read_cell("gender", cell) for cell in cells]


def test_more_distinct_values_than_are_remembered() -> None:
    reader = CellReader("diag_1")
    for start in range(0, 60_000, 20_000):
        read = reader.read(pa.array([f"X{n}" for n in range(start, start + 20_000)]))
        assert all(read.reasons[code] for code in read.coded.codes)
    assert len(reader._known) <= 20_000


@pytest.mark.parametrize(
    "array",
    [
        *(pa.array([7, None, 51]).cast(k) for k in (pa.int8(), pa.uint64(), pa.float32(), pa.decimal128(20, 0))),
        *(pa.array(["7", "?", "51"], kind) for kind in (pa.string(), pa.large_string(), pa.string_view())),
    ],
)
def test_whole_numbers_of_any_type(array: pa.Array) -> None:
    read = CellReader("num_procedures").read(array)
    assert [read.coded.values[code] for code in read.coded.codes] == [7, None, None]
    assert [bool(read.reasons[code]) for code in read.coded.codes] == [False, True, True]


def test_the_raw_file_is_laid_out_with_its_identifiers() -> None:
    layout = lay_out(texts(list(NAMES)), "file.csv")
    assert set(layout.sources) == set(FIELDS)
    assert layout.keys == ("encounter_id", "patient_nbr")
    assert layout.absent == ()


def test_underscores_other_columns_and_optional_ones() -> None:
    names = [name.replace("-", "_") for name in FIELDS if name not in ("race", "weight", "diag_3")]
    layout = lay_out(texts(["note", *names, "readmitted"]), "file.csv")
    assert layout.sources["glyburide-metformin"] == "glyburide_metformin"
    assert layout.absent == ("race", "diag_3")
    assert layout.keys == ()


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ([n for n in FIELDS if n != "age"], "column 'age' is missing; add it"),
        ([n for n in FIELDS if n not in ("age", "gender")] + ["Gender"], "'gender' is missing (and 1 more)"),
        (["Age" if n == "age" else n for n in FIELDS], "rename column 'Age'"),
        ([*FIELDS, "age"], "'age' is there twice, at 3 and"),
        ([*FIELDS, "glyburide_metformin"], "'glyburide-metformin' is there twice"),
        ([*FIELDS, CANARY, CANARY], "of one name is there twice"),
        ([CANARY, "Male"], "required columns are missing; the first line must name the columns"),
        ([";".join(FIELDS)], "comma separated"),
    ],
)
def test_columns_that_will_not_do(names: list[str], words: str) -> None:
    with pytest.raises(InputError) as refused:
        lay_out(texts(names), "file.csv")
    assert words in str(refused.value)
    assert str(refused.value).startswith("file.csv: ")
    assert CANARY not in str(refused.value)


def test_nested_cells_are_refused_by_name() -> None:
    schema = pa.schema([(n, pa.list_(pa.string()) if n == "age" else pa.string()) for n in FIELDS])
    with pytest.raises(InputError, match="column 'age' holds nested values"):
        lay_out(schema, "file.parquet")
