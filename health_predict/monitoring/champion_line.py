"""Where among the batches the champion changed: the registry's log has times and no batches, the ledger the reverse."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from health_predict.champions import ChampionChange

MarkKind = Literal["retrained", "recalibrated", "promotion", "rollback", "by hand"]


@dataclass(frozen=True)
class Served:
    """Who scored a batch, None if it is not scored, and the version that its action made champion, if any."""

    version: str | None
    action: str = "none"
    made: str | None = None


@dataclass(frozen=True)
class ChampionMark:
    """From batch `before` on (0 is the first, the number of batches is none yet) `version` was champion."""

    before: int
    kind: MarkKind
    version: str | None
    replaced: str | None


_MADE_BY: Mapping[str, MarkKind] = {"retrain": "retrained", "recalibrate": "recalibrated"}


def place_changes(served: Sequence[Served], changes: Sequence[ChampionChange]) -> tuple[ChampionMark, ...]:
    """Place the changes of champion between n batches, oldest first.

    What happened before the first scored batch is left out. A change that no batch saw, as a roll-back that was itself
    rolled back, stands before the next batch that saw one, or after the last. Where the log has no entry, the change is
    told from the versions that scored.
    """
    marks: list[ChampionMark] = []
    current: str | None = None
    rest = list(changes)
    for index, batch in enumerate(served):
        if batch.version is None or batch.version == current:
            continue
        taken = _until(rest, batch.version)
        del rest[: len(taken)]
        if current is not None:
            marks += _marks(index, taken, served) or [_unlogged(index, batch.version, current, served)]
        current = batch.version
    if current is not None:
        marks += _marks(len(served), rest, served)
    return tuple(marks)


def _until(changes: Sequence[ChampionChange], version: str) -> list[ChampionChange]:
    """Return the changes up to the one that made `version` champion; none if it is not among them."""
    found = next((i for i, change in enumerate(changes) if change.version == version), -1)
    return list(changes[: found + 1])


def _marks(before: int, changes: Sequence[ChampionChange], served: Sequence[Served]) -> list[ChampionMark]:
    return [
        ChampionMark(
            before,
            _promotion(change.version, served, change.reason) if change.kind == "promotion" else change.kind,
            change.version,
            change.replaced,
        )
        for change in changes
    ]


def _unlogged(before: int, version: str, replaced: str, served: Sequence[Served]) -> ChampionMark:
    return ChampionMark(before, _promotion(version, served), version, replaced)


def _promotion(version: str | None, served: Sequence[Served], reason: str = "") -> MarkKind:
    """Tell which action of monitoring made a version, if one did; a batch may have had two, and names the last."""
    if reason.startswith("recalibrated"):
        return "recalibrated"
    actions = (batch.action for batch in served if batch.made is not None and batch.made == version)
    return _MADE_BY.get(next(actions, ""), "promotion")
