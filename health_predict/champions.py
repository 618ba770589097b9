"""The log of champions: who replaced whom, when and why, and to whom a roll-back returns."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Literal

from health_predict.errors import InputError

Kind = Literal["promotion", "rollback", "by hand"]


@dataclass(frozen=True)
class ChampionChange:
    """One entry of the log, numbered from 1: from `at` on (ISO 8601) `version` was champion in place of `replaced`.

    `version` is None when the champion was taken away by hand, `replaced` when there was none.
    """

    number: int
    at: str
    kind: Kind
    version: str | None
    replaced: str | None
    reason: str

    def as_json(self) -> str:
        """Return the entry as one line of JSON."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "ChampionChange":
        """Return the entry that `as_json` wrote; InputError if it is not readable."""
        try:
            return cls(**json.loads(text))
        except (ValueError, TypeError) as error:
            raise InputError("an entry of the promotion log is not readable; delete its tag in MLflow") from error


def next_change(
    log: Sequence[ChampionChange], *, kind: Kind, version: str | None, replaced: str | None, reason: str, now: datetime
) -> ChampionChange:
    """Return the entry that follows the last one of the log."""
    number = log[-1].number + 1 if log else 1
    return ChampionChange(number, now.isoformat(timespec="seconds"), kind, version, replaced, reason)


def earlier_champions(log: Sequence[ChampionChange], champion: str | None) -> tuple[str, ...]:
    """Return the versions a roll-back from `champion` may return to, the nearest first.

    A promotion adds to the line, a roll-back takes off what it went back over; so two roll-backs in a row never return
    to the version that the first one left.
    """
    line: list[str] = []
    for change in log:
        if change.kind == "rollback":
            while line and line[-1] != change.version:
                line.pop()
        if change.version is not None and line[-1:] != [change.version]:
            line.append(change.version)
    return tuple(dict.fromkeys(version for version in reversed(line) if version != champion))
