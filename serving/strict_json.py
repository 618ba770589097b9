"""Reads JSON as RFC 8259 defines it and where it leaves a choice, takes the strict one: one meaning or none."""

import json
from typing import Any, NoReturn


class UnreadableJsonError(ValueError):
    """The bytes are no JSON with one meaning; the text says why and quotes nothing of them."""


def read_json(data: bytes | str) -> Any:  # noqa: ANN401 - any JSON value
    """Decode UTF-8 JSON; NaN, Infinity, a name given twice in an object and deep nesting are refused."""
    try:
        text = data if isinstance(data, str) else data.decode("utf-8")
        return _DECODER.decode(text)
    except UnreadableJsonError:
        raise
    except UnicodeDecodeError:
        raise UnreadableJsonError("the body is not UTF-8") from None
    except RecursionError:
        raise UnreadableJsonError("the JSON is nested too deeply") from None
    except json.JSONDecodeError as error:
        raise UnreadableJsonError(f"the body is not JSON (line {error.lineno}, column {error.colno})") from None
    except ValueError:  # a whole number of more than 4,300 digits
        raise UnreadableJsonError("a number in the JSON is too long") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise UnreadableJsonError("an object in the JSON names a field twice")
    return found


def _constant(_: str) -> NoReturn:
    raise UnreadableJsonError("NaN and Infinity are not JSON; send null for a missing value")


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_constant)
