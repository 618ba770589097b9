import json
import traceback
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings

from health_predict import effects
from health_predict.columns import INPUTS, TARGET_COLUMN
from health_predict.encoder import RecordEncoder
from health_predict.engineer import engineer
from health_predict.preprocessor import build_preprocessor, export_encoder, transform
from health_predict.records import generate_records
from health_predict.splits import Splits
from tests.strategies import Records, frame, raw_frame, records

INPUT_NAMES = [column.name for column in INPUTS]


@pytest.fixture(scope="module")
def preprocessor():
    labels = np.random.default_rng(0).integers(0, 2, 500)
    return build_preprocessor(seed=0).fit(engineer(raw_frame(500)), labels)


@pytest.fixture(scope="module")
def specification(preprocessor) -> dict:
    return json.loads(json.dumps(export_encoder(preprocessor)))


@pytest.fixture(scope="module")
def encoder(specification) -> RecordEncoder:
    return RecordEncoder(specification)


def as_records(raw: pd.DataFrame) -> Records:
    inputs = raw[INPUT_NAMES].astype(object)
    return inputs.where(inputs.notna(), None).to_dict("records")


@given(records(max_size=4))
@settings(max_examples=30)
def test_equals_the_vectorised_path_on_every_valid_record(preprocessor, encoder, rows) -> None:
    np.testing.assert_array_equal(encoder.encode_all(rows), transform(preprocessor, engineer(frame(rows))))


@pytest.mark.parametrize("share_missing", [0.0, 0.1, 1.0])
def test_equals_the_vectorised_path_on_generated_records(preprocessor, encoder, share_missing: float) -> None:
    rows = generate_records(500, seed=1, share_missing=share_missing)
    np.testing.assert_array_equal(encoder.encode_all(rows), transform(preprocessor, engineer(frame(rows))))


def test_equals_the_vectorised_path_on_all_held_out_rows(real_preprocessor, real_encoder, real_splits: Splits) -> None:
    future = real_splits.future.sample(20_000, random_state=0)
    for part in (real_splits.validation, real_splits.test, future):
        expected = transform(real_preprocessor, engineer(part))
        np.testing.assert_array_equal(real_encoder.encode_all(as_records(part)), expected)


def test_survives_json(preprocessor, encoder) -> None:
    rows = generate_records(200, seed=2)
    np.testing.assert_array_equal(
        RecordEncoder(export_encoder(preprocessor)).encode_all(rows), encoder.encode_all(rows)
    )


def test_feature_order_is_that_of_the_matrix(preprocessor, encoder) -> None:
    assert encoder.feature_order == tuple(preprocessor.get_feature_names_out())


def test_an_absent_column_is_a_missing_one(preprocessor, encoder) -> None:
    nothing = dict.fromkeys(INPUT_NAMES)
    np.testing.assert_array_equal(encoder.encode({}), encoder.encode(nothing))
    np.testing.assert_array_equal(encoder.encode({}), transform(preprocessor, engineer(pd.DataFrame([nothing])))[0])


def test_nan_is_missing(encoder) -> None:
    np.testing.assert_array_equal(encoder.encode(dict.fromkeys(INPUT_NAMES, float("nan"))), encoder.encode({}))


def test_columns_that_feed_no_feature_and_their_order_are_irrelevant(encoder) -> None:
    row = generate_records(1, seed=3)[0]
    reordered = {**dict(reversed(row.items())), "encounter_id": 5, "weight": None, TARGET_COLUMN: "NO"}
    np.testing.assert_array_equal(encoder.encode(reordered), encoder.encode(row))


def test_whole_numbers_may_come_as_floats_or_numpy_scalars(encoder) -> None:
    row = generate_records(1, seed=4)[0]
    for number, text in ((float, str), (np.int64, np.str_), (np.float64, str), (np.int16, str)):
        cast = {name: number(v) if isinstance(v, int) else text(v) for name, v in row.items() if v is not None}
        np.testing.assert_array_equal(encoder.encode(cast), encoder.encode(row))


def test_the_order_in_which_values_are_first_seen_does_not_matter(specification) -> None:
    """1, 1.0 and numpy's 1 share a place in the memory; "1" does not."""
    row = generate_records(1, seed=5)[0] | {"discharge_disposition_id": 1}
    as_float, as_text = row | {"discharge_disposition_id": 1.0}, row | {"discharge_disposition_id": "1"}
    one, two = RecordEncoder(specification), RecordEncoder(specification)
    first = [one.encode(r) for r in (row, as_float, as_text)]
    second = [two.encode(r) for r in (as_text, as_float, row)]
    np.testing.assert_array_equal(first, second[::-1])


def test_an_unseen_category_takes_the_fallback_as_in_the_vectorised_path(preprocessor, encoder) -> None:
    row = generate_records(1, seed=6)[0] | {"race": "Martian", "medical_specialty": "Astrology", "insulin": "Twice"}
    np.testing.assert_array_equal(encoder.encode(row), transform(preprocessor, engineer(pd.DataFrame([row])))[0])


@pytest.mark.parametrize(
    ("column", "message"), [("diag_1", "not an ICD-9-CM code"), ("num_procedures", "not a number")]
)
def test_a_value_that_no_rule_reads_is_refused_without_being_quoted(encoder, column: str, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}$") as caught:
        encoder.encode(dict.fromkeys([column], "".join(["CAN", "ARY"])))  # not as the source line shows it
    assert "CANARY" not in "".join(traceback.format_exception(caught.value))


def test_writes_into_a_vector_that_held_something_else(encoder) -> None:
    row = generate_records(1, seed=7)[0]
    out = np.full(len(encoder.feature_order), 7, np.float32)
    assert encoder.encode(row, out) is out
    np.testing.assert_array_equal(out, encoder.encode(row))


def test_no_records_give_an_empty_matrix(encoder) -> None:
    assert encoder.encode_all([]).shape == (0, 126)
    assert encoder.encode_all([]).dtype == np.float32


def test_what_no_longer_fits_in_memory_is_computed_anew(specification, encoder, monkeypatch) -> None:
    rows = generate_records(300, seed=8)
    monkeypatch.setattr(effects, "_REMEMBERED", 2)
    small = RecordEncoder(specification)
    np.testing.assert_array_equal(small.encode_all(rows), encoder.encode_all(rows))
    assert max(len(known) for known in small.layout.columns.values()) <= 2


def test_threads_may_share_an_encoder(specification, encoder) -> None:
    rows = generate_records(400, seed=9)
    shared = RecordEncoder(specification)
    with ThreadPoolExecutor(8) as pool:
        vectors = list(pool.map(shared.encode, rows))
    np.testing.assert_array_equal(vectors, encoder.encode_all(rows))


@pytest.mark.parametrize("order", [[], ["age"], ["x"] * 127], ids=["none", "one", "one too many"])
def test_refuses_a_specification_whose_names_do_not_fit_its_features(specification, order) -> None:
    with pytest.raises(ValueError, match=f"{len(order)} names for 126 columns"):
        RecordEncoder({**specification, "feature_order": order})


@pytest.mark.parametrize("lost", ["feature_order", "features"])
def test_refuses_a_specification_that_lacks_a_part(specification, lost: str) -> None:
    with pytest.raises(KeyError, match=lost):
        RecordEncoder({name: part for name, part in specification.items() if name != lost})
