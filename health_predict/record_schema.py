"""What one record of a prediction request may hold, generated from the declaration; every route checks with this.

A problem names the field and the rule. It quotes neither a value nor a field name that is not declared, since either
may be about a patient. No pandas.
"""

import difflib
import re
from collections.abc import Container, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from health_predict.columns import BY_NAME, COLUMNS, DIAGNOSIS_PATTERN, INPUTS, Column
from health_predict.features import Value

Record = dict[str, Value]

REQUEST_COLUMNS: tuple[Column, ...] = tuple(c for c in COLUMNS if c.role in ("input", "unused"))
POSITIONAL: tuple[str, ...] = tuple(column.name for column in INPUTS)  # the published order of a record without names
UNKNOWN = "(unknown)"
_MOST_LISTED = 12  # allowed values that a message spells out
_MOST_UNKNOWN = 10  # unknown fields of one record that are reported; each costs a search for the name that was meant
_LONGEST_CODE = 7  # characters of a diagnosis; longer texts are not remembered


@dataclass(frozen=True)
class FieldProblem:
    """Why a field of a record is refused; `field` is a declared name or "(unknown)"."""

    field: str
    problem: str


class _Diagnoses:
    """The set of the ICD-9-CM codes."""

    def __contains__(self, value: object) -> bool:
        return isinstance(value, str) and len(value) <= _LONGEST_CODE and _is_diagnosis(value)


@lru_cache(maxsize=20_000)  # as many as ICD-9-CM has
def _is_diagnosis(code: str) -> bool:
    return re.fullmatch(DIAGNOSIS_PATTERN, code) is not None


@dataclass(frozen=True)
class _Rule:
    name: str
    kind: type
    allowed: Container[object]
    optional: bool
    says: str


def read_record(raw: object) -> tuple[Record, tuple[FieldProblem, ...]]:
    """Check one decoded JSON value and return its record with declared names, and every problem it has.

    Names may be written with underscores for hyphens, whole numbers as 3.0. None and an absent optional field are
    missing. The record is to be used only if there is no problem.
    """
    if not isinstance(raw, dict):
        return {}, (FieldProblem(UNKNOWN, "a record must be an object of field names and values"),)
    record, problems = (raw, []) if raw.keys() <= _DECLARED else _with_declared_names(raw)
    numbers: Record = {}
    for rule in _RULES:
        value = record.get(rule.name)
        if type(value) is rule.kind and value in rule.allowed:
            continue
        if value is None and rule.optional:
            continue
        if type(value) is float and rule.kind is int and value in rule.allowed:  # 3.0, as data frames write it
            numbers[rule.name] = int(value)
            continue
        problems.append(FieldProblem(rule.name, rule.says if rule.name in record else f"is missing; {rule.says}"))
    return ({**record, **numbers} if numbers else record), tuple(problems)


def read_positional(values: object, names: object = None) -> tuple[Record, tuple[FieldProblem, ...]]:
    """Check one row of an ndarray, with the names of its columns or, without them, in the published order."""
    order = names if names else POSITIONAL
    if not isinstance(values, list) or not isinstance(order, list | tuple) or len(values) != len(order):
        expected = f"{len(order)}" if isinstance(order, list | tuple) else "as many as there are names"
        return {}, (FieldProblem(UNKNOWN, f"a row must be a list of {expected} values, see /model-info"),)
    if not all(isinstance(name, str) for name in order):
        return {}, (FieldProblem(UNKNOWN, "names must be a list of texts"),)
    if len(set(order)) < len(order):
        return {}, (FieldProblem(UNKNOWN, "a name occurs twice"),)
    return read_record(dict(zip(order, values, strict=True)))


def record_json_schema() -> dict[str, Any]:
    """Write the same rules as a JSON Schema (draft 2020-12) of one record."""
    properties = {column.name: _property(column) for column in REQUEST_COLUMNS}
    underscored = {_ALIASES_BACK[name]: properties[name] for name in _ALIASES_BACK}
    required = [c.name for c in REQUEST_COLUMNS if not _is_optional(c)]
    either = [name for name in required if name in _ALIASES_BACK]
    return {
        "type": "object",
        "properties": {**properties, **underscored},
        "required": [name for name in required if name not in either],
        "allOf": [{"oneOf": [{"required": [name]}, {"required": [_ALIASES_BACK[name]]}]} for name in either],
        "additionalProperties": False,
    }


def _with_declared_names(raw: Mapping[Any, Any]) -> tuple[Record, list[FieldProblem]]:
    record: Record = {}
    problems: list[FieldProblem] = []
    for key, value in raw.items():
        name = _ALIASES.get(key, key)
        if name not in _DECLARED:
            if len(problems) < _MOST_UNKNOWN:
                problems.append(_unknown(str(key)))
        elif name in record:
            problems.append(FieldProblem(name, "is given twice, with hyphens and with underscores"))
        else:
            record[name] = value
    return record, problems


def _unknown(key: str) -> FieldProblem:
    if key in BY_NAME:
        return FieldProblem(key, "is no input of the model; leave it out")
    close = difflib.get_close_matches(key[:60], _DECLARED, n=1, cutoff=0.7)
    return FieldProblem(UNKNOWN, f"no such field; {f'did you mean {close[0]}?' if close else 'see /openapi.json'}")


def _is_optional(column: Column) -> bool:
    """A field may be missing where the file may, and in a lab result, whose "None" means not measured."""
    return column.missing or column.role == "unused" or "None" in column.categories


def _rule(column: Column) -> _Rule:
    optional = _is_optional(column)
    if column.kind == "diagnosis":
        return _Rule(column.name, str, _Diagnoses(), optional, "must be an ICD-9-CM code as text, such as 250.83")
    if column.kind == "integer":
        says = f"must be a whole number from {column.low} to {column.high}"
        return _Rule(column.name, int, frozenset(range(column.low, column.high + 1)), optional, says)
    if column.kind == "code":
        says = f"must be a whole number from {column.codes[0]} to {column.codes[-1]}"
        return _Rule(column.name, int, frozenset(column.codes), optional, says)
    few = len(column.categories) <= _MOST_LISTED
    listed = ", ".join(column.categories) if few else f"the {len(column.categories)} in /openapi.json"
    return _Rule(column.name, str, frozenset(column.categories), optional, f"must be one of {listed}")


def _property(column: Column) -> dict[str, Any]:
    if column.kind == "integer":
        schema: dict[str, Any] = {"type": "integer", "minimum": column.low, "maximum": column.high}
    elif column.kind == "code":
        schema = {"type": "integer", "minimum": column.codes[0], "maximum": column.codes[-1]}
    elif column.kind == "diagnosis":
        schema = {"type": "string", "pattern": f"^{DIAGNOSIS_PATTERN}$"}
    else:
        schema = {"type": "string", "enum": list(column.categories)}
    if _is_optional(column):
        schema = {"anyOf": [schema, {"type": "null"}]}
    return {**schema, "description": column.meaning}


_RULES: tuple[_Rule, ...] = tuple(map(_rule, REQUEST_COLUMNS))
_DECLARED = frozenset(column.name for column in REQUEST_COLUMNS)
_ALIASES_BACK = {name: name.replace("-", "_") for name in POSITIONAL if "-" in name}
_ALIASES = {underscored: name for name, underscored in _ALIASES_BACK.items()}
