import json
import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings

from health_predict.columns import INPUTS
from health_predict.encoder import RecordEncoder
from health_predict.engineer import engineer
from health_predict.preprocessor import build_preprocessor, export_encoder
from health_predict.records import generate_records
from health_predict.splits import Splits
from health_predict.table_encoder import CodedColumn, code_column, encode_table
from tests.imports import modules_loaded_by
from tests.strategies import Records, raw_frame, records

NAMES = [column.name for column in INPUTS]


@pytest.fixture(scope="module")
def encoder() -> RecordEncoder:
    labels = np.random.default_rng(0).integers(0, 2, 500)
    preprocessor = build_preprocessor(seed=0).fit(engineer(raw_frame(500)), labels)
    return RecordEncoder(json.loads(json.dumps(export_encoder(preprocessor))))


def columns(rows: Records) -> dict[str, list]:
    return {name: [row[name] for row in rows] for name in NAMES}


def encoded(encoder: RecordEncoder, table, **options) -> np.ndarray:
    return np.concatenate([np.empty((0, 126), np.float32), *encode_table(encoder, table, **options)])


@given(records(max_size=6))
@settings(max_examples=40)
def test_equals_the_record_path_on_every_valid_record(encoder, rows) -> None:
    expected = encoder.encode_all(rows)
    np.testing.assert_array_equal(encoded(encoder, columns(rows)), expected)
    np.testing.assert_array_equal(encoded(encoder, pa.table(columns(rows))), expected)


def test_equals_the_record_path_on_all_test_encounters(real_encoder, real_splits: Splits) -> None:
    inputs = real_splits.test[NAMES].astype(object)
    rows = inputs.where(inputs.notna(), None).to_dict("records")
    np.testing.assert_array_equal(encoded(real_encoder, columns(rows)), real_encoder.encode_all(rows))


@pytest.mark.parametrize("rows_at_once", [1, 7, 100, 101])
def test_the_size_of_the_pieces_changes_nothing(encoder, rows_at_once: int) -> None:
    rows = generate_records(100, seed=1)
    pieces = list(encode_table(encoder, columns(rows), rows_at_once=rows_at_once))
    assert {len(piece) for piece in pieces[:-1]} <= {rows_at_once}
    assert all(piece.flags.c_contiguous and piece.dtype == np.float32 for piece in pieces)
    np.testing.assert_array_equal(np.concatenate(pieces), encoder.encode_all(rows))


def test_arrow_chunks_may_have_dictionaries_of_their_own(encoder) -> None:
    rows = generate_records(60, seed=2, share_missing=0.3)
    parts = [pa.table(columns(rows[start : start + 20])) for start in (0, 20, 40)]
    texts = {name for name in NAMES if pa.types.is_string(parts[0].schema.field(name).type)}
    coded = [
        pa.table({name: part[name].dictionary_encode() if name in texts else part[name] for name in NAMES})
        for part in parts
    ]
    np.testing.assert_array_equal(encoded(encoder, pa.concat_tables(coded)), encoder.encode_all(rows))


def test_an_absent_column_is_missing_and_others_are_not_looked_at(encoder) -> None:
    rows = generate_records(9, seed=3)
    table = {name: cells for name, cells in columns(rows).items() if name not in ("insulin", "diag_2", "age")}
    expected = encoder.encode_all([row | {"insulin": None, "diag_2": None, "age": None} for row in rows])
    np.testing.assert_array_equal(encoded(encoder, table | {"encounter_id": [object()] * 9}), expected)


def test_nan_none_and_a_negative_code_are_missing(encoder) -> None:
    expected = encoder.encode_all([{"race": "Asian"}, {}, {}])
    for race in (["Asian", None, math.nan], CodedColumn(np.array([0, -1, -3]), ["Asian"])):
        np.testing.assert_array_equal(encoded(encoder, {"race": race}), expected)


def test_whole_numbers_may_come_as_floats_or_numpy_arrays(encoder) -> None:
    expected = encoder.encode_all([{"number_inpatient": n} for n in (3, 0, 3)])
    for column in ([3.0, 0.0, 3.0], np.array([3, 0, 3], np.int16), pa.array([3, 0, 3], pa.int8()), (3, 0.0, 3)):
        np.testing.assert_array_equal(encoded(encoder, {"number_inpatient": column}), expected)


def test_a_value_that_no_code_names_is_not_read(encoder) -> None:
    column = CodedColumn(np.array([1, 1], np.int8), ["no code", "250.83"])
    np.testing.assert_array_equal(encoded(encoder, {"diag_1": column}), encoder.encode_all([{"diag_1": "250.83"}] * 2))


@pytest.mark.parametrize(
    ("column", "message"), [("diag_3", "not an ICD-9-CM code"), ("num_procedures", "not a number")]
)
def test_a_value_that_no_rule_reads_is_refused_without_being_quoted(encoder, column: str, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}$"):
        encoded(encoder, {column: ["CANARY-7731"]})


def test_columns_of_different_lengths_are_refused(encoder) -> None:
    with pytest.raises(ValueError, match="differ in length"):
        encoded(encoder, {"age": ["[0-10)"], "gender": ["Male", "Male"]})


def test_no_rows_give_no_matrix(encoder) -> None:
    assert list(encode_table(encoder, {})) == []
    assert list(encode_table(encoder, pa.table(columns([])))) == []


def test_coding_keeps_rows_in_order() -> None:
    coded = code_column(["b", None, "a", "b"])
    assert [coded.values[code] for code in coded.codes] == ["b", None, "a", "b"]
    assert len(coded.values) == 3


def test_encoding_a_table_needs_neither_pandas_nor_pyarrow() -> None:
    assert not {"pandas", "sklearn", "pyarrow"} & modules_loaded_by("health_predict.table_encoder")
