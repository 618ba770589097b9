"""JSON has one meaning or is refused, in words that quote nothing of it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.strict_json import UnreadableJsonError, read_json

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(values)
def test_it_reads_what_json_writes(value: object) -> None:
    assert read_json(json.dumps(value).encode()) == value


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        read_json(data)
    except UnreadableJsonError as error:
        assert "\n" not in str(error)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b'{"secret": 1, "secret": 1}', "names a field twice"),
        (b'[{"a": {"secret": 1, "secret": 2}}]', "names a field twice"),
        (b"[NaN]", "NaN and Infinity"),
        (b"[-Infinity]", "NaN and Infinity"),
        (b"\xffsecret", "not UTF-8"),
        ('"secret"'.encode("utf-16"), "not UTF-8"),
        (b"[" * 100_000, "nested too deeply"),
        (b"9" * 5000, "too long"),
        (b"{'secret': 1}", "line 1, column 2"),
        (b'{"secret": 1', "line 1, column 13"),
        (b"", "line 1, column 1"),
        (b'"secret" "secret"', "line 1, column 10"),
        (b'"sec\nret"', "line 1, column 5"),
    ],
)
def test_why_json_is_refused(data: bytes, says: str) -> None:
    with pytest.raises(UnreadableJsonError, match=says) as caught:
        read_json(data)
    assert "secret" not in str(caught.value)
