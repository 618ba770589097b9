"""The file of --result: what came of a command, as one JSON that a scheduler can read."""

import json
import math
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from driver.console import in_one_line
from health_predict.errors import InputError

if TYPE_CHECKING:
    from health_predict.monitoring.ledger import Entry

_DRIFT, _NO_DRIFT = "DRIFT_DETECTED", "NO_DRIFT"


def claim(option: str | None, *, dry_run: bool) -> Path | None:
    """Return where the result goes, None if nobody asked for it; what an earlier command left there is removed.

    Raises:
        InputError: nothing can be written there.
    """
    if option is None:
        return None
    file = Path(option).expanduser().resolve()
    if file.is_dir():
        raise InputError(f"--result {option}: a folder is there; name a file in it")
    try:
        with tempfile.NamedTemporaryFile(dir=file.parent, prefix=f".{file.name}."):
            pass
        if not dry_run:
            file.unlink(missing_ok=True)
    except OSError as error:
        raise InputError(f"--result {option}: cannot be written ({error.strerror}); name a file elsewhere") from None
    return file


def write(file: Path | None, result: Mapping[str, Any]) -> None:
    """Write the result whole or not at all; InputError if the folder has become unwritable meanwhile."""
    if file is None:
        return
    complete = file.with_name(f".{file.name}.new")
    try:
        complete.write_text(json.dumps(_plain(result), indent=1, allow_nan=False) + "\n", encoding="utf-8")
        complete.replace(file)
    except OSError as error:
        with suppress(OSError):
            complete.unlink(missing_ok=True)
        raise InputError(f"--result {file}: cannot be written ({error.strerror}); the command itself is done") from None


def _plain(value: Any) -> Any:  # noqa: ANN401 - whatever JSON holds
    """JSON has no NaN and no infinity; what could not be computed is null there."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def monitoring_result(entries: Iterable["Entry"], *, ended: bool) -> dict[str, Any]:
    """Sum up the batches of one command.

    Args:
        entries: settled ones, in arrival order.
        ended: whether every encounter of the stream is in a batch now.

    Returns:
        dict: `verdict` is DRIFT_DETECTED if any batch drifted, None if there was no batch.
    """
    batches = [_batch(entry) for entry in entries]
    drifted = sum(batch["verdict"] == _DRIFT for batch in batches)
    outcomes = [batch["outcome"]["result"] for batch in batches]
    return {
        "command": "monitor",
        "verdict": (_DRIFT if drifted else _NO_DRIFT) if batches else None,
        "ended": ended,
        "counts": {
            "batches": len(batches),
            _DRIFT: drifted,
            _NO_DRIFT: len(batches) - drifted,
            **{result: outcomes.count(result) for result in ("promoted", "refused", "waiting")},
        },
        "batches": batches,
    }


@contextmanager
def kept_if_failing(file: Path | None, entries: Sequence["Entry"]) -> Iterator[None]:
    """Where monitoring fails or is interrupted, write what had come of it before, with the failure; it is raised on."""
    try:
        yield
    except (KeyboardInterrupt, Exception) as failure:
        reason, code = in_one_line(failure)
        with suppress(InputError):  # the failure is the one to tell
            write(file, {**monitoring_result(entries, ended=False), "failure": {"reason": reason, "exit_code": code}})
        raise


def file_check_result(check: Mapping[str, Any]) -> dict[str, Any]:
    """Sum up the check of one file."""
    verdict = check["verdict"]
    told = {name: check[name] for name in ("id", "rows", "outcomes", "folder")}
    return {"command": "monitor", "verdict": verdict["verdict"], "reason": verdict["reason"], "check": told}


def _batch(entry: "Entry") -> dict[str, Any]:
    seen, checked, decided = (entry.records[state] for state in ("seen", "checked", "decided"))
    return {
        "batch": entry.batch,
        "index": seen["index"],
        "rows": seen["rows"],
        "shift": seen["shift"],
        "verdict": checked["verdict"]["verdict"],
        "reason": checked["verdict"]["reason"],
        "action": decided["action"],
        "action_reason": decided["reason"],
        "outcome": dict(entry.outcome or {"result": "none"}),
    }
