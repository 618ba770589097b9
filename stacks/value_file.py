"""Files of `KEY=VALUE` lines: what a stack file refers to and the services are started with. Imports no ZenML."""

import re
import stat
from pathlib import Path

from health_predict.errors import InfrastructureError, InputError

_LINE = re.compile(r"([A-Za-z_]\w*)=(.*)")
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def read_values(path: Path) -> dict[str, str]:
    """Read a file of `KEY=VALUE` lines; blank lines and lines that begin with `#` are passed over.

    Raises InputError for another line (its content is not shown), InfrastructureError if the file cannot be read.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "not UTF-8"
        raise InfrastructureError(f"{path}: cannot be read: {why}") from None
    values = {}
    for number, line in enumerate(map(str.strip, lines), start=1):
        if not line or line.startswith("#"):
            continue
        match = _LINE.fullmatch(line)
        if match is None:
            raise InputError(f"{path} line {number}: expected KEY=VALUE")
        values[match[1]] = match[2].strip()
    return values


def read_secret_values(path: Path) -> dict[str, str]:
    """The same for a file of secrets: InputError unless its owner alone can read it and every value is there."""
    values = read_values(path)
    if path.stat().st_mode & _OTHERS:
        raise InputError(f"{path}: others can read it; run: chmod 600 {path}")
    for key, value in values.items():
        if not value:
            raise InputError(f"{path}: {key} is empty; give it a value")
    return values
