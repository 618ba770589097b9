"""Frozen dataclasses as plain data, and back."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from health_predict.errors import InputError


def check_fields(kind: type, values: Mapping[str, Any], what: str, cure: str) -> None:
    """Refuse values that are not exactly the fields of the dataclass `kind`.

    Raises:
        InputError: the first field that is missing or unknown, after `what` and before `cure`.
    """
    wrong = sorted({field.name for field in fields(kind)} ^ set(values))
    if wrong:
        raise InputError(f"{what}: field {wrong[0]} is missing or unknown; {cure}")
