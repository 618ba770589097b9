"""The document is a valid OpenAPI 3.1 document, and its schema of a record allows what the validation allows."""

from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openapi_spec_validator import OpenAPIV31SpecValidator

from health_predict.record_schema import REQUEST_COLUMNS, read_record, record_json_schema
from health_predict.records import generate_records
from serving import addresses
from serving.openapi import document

SCHEMA = jsonschema.Draft202012Validator(record_json_schema())
NAMES = [column.name for column in REQUEST_COLUMNS]
ODD: list[Any] = [None, "", "None", "?", "No", "no", " No", 0, -1, 1, 1.0, 1.5, 3, 999, True, False, [], {}, "250.83"]
ODD += [
    "V10",
    "V1",
    "E999.9",
    "1234",
    "250.",
    "250.123",
    "٣",
    "[0-10)",
    ">200",
    1e308,
    10**30,
    "\ud800",
    "A" * 99,
]


def test_it_is_a_valid_openapi_document() -> None:
    errors = [error.message[:200] for error in OpenAPIV31SpecValidator(document()).iter_errors()]
    assert not errors


def test_it_lists_every_address_with_its_methods_and_no_other() -> None:
    described = {
        path: sorted({"get": "GET", "post": "POST"}[m] for m in item) for path, item in document()["paths"].items()
    }
    offered = {path: sorted(set(methods) - {"HEAD"}) for path, methods in addresses.METHODS.items()}
    assert described == offered


def test_both_versions_of_seldons_path_are_described_alike() -> None:
    """So that what is tried on one holds for the other."""
    first, second = ({**document()["paths"][path]["post"], "operationId": ""} for path in addresses.SELDON)
    assert first == second


def _changed(seed: int, changes: list[tuple[str, object, int]]) -> dict[str, object]:
    record: dict[str, object] = dict(generate_records(1, seed, share_missing=0.2)[0])
    for name, value, how in changes:
        if how == 0:
            record.pop(name, None)
        elif how == 1:
            record[name.replace("-", "_")] = value
        else:
            record[name] = value
    return record


changes = st.lists(st.tuples(st.sampled_from([*NAMES, "unknown"]), st.sampled_from(ODD), st.integers(0, 3)), max_size=3)


@given(st.integers(0, 500), changes)
def test_schema_and_validation_agree(seed: int, drawn: list[tuple[str, object, int]]) -> None:
    record = _changed(seed, drawn)
    _, problems = read_record(record)
    assert SCHEMA.is_valid(record) == (not problems), (drawn, problems)


@pytest.mark.parametrize("value", [None, [], "text", 1, True, [{}]])
def test_what_is_no_object_is_refused_by_both(value: object) -> None:
    assert not SCHEMA.is_valid(value)
    assert read_record(value)[1]


@pytest.mark.parametrize("column", REQUEST_COLUMNS, ids=lambda column: column.name)
def test_every_rule_of_a_field_is_the_same_in_both(column) -> None:
    record = generate_records(1, seed=3, share_missing=0.0)[0]
    values = [*ODD, *column.categories, *column.codes, column.low, column.high, column.low - 1, column.high + 1]
    disagreements = [
        value
        for value in values
        if SCHEMA.is_valid({**record, column.name: value}) == bool(read_record({**record, column.name: value})[1])
    ]
    assert not disagreements
    assert any(read_record({**record, column.name: value})[1] for value in values)


def test_a_line_end_after_a_diagnosis_is_refused() -> None:
    """Python's `$` would let it pass; that of JSON Schema, which is ECMAScript's, does not."""
    assert read_record({**generate_records(1, seed=3)[0], "diag_1": "250.83\n"})[1]
