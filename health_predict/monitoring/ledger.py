"""What has been done with which batch, as a pure state machine: seen, scored, checked, decided. No storage here.

A step that is killed is run again. It asks for the same transition with the same record and gets the ledger it would
have got; with another record it is told so, since something has changed under it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

from health_predict.errors import InputError

State = Literal["seen", "scored", "checked", "decided"]
STATES: tuple[State, ...] = get_args(State)
FORMAT = 1


@dataclass(frozen=True)
class Entry:
    """One batch.

    Attributes:
        records: per state reached, what was done, as plain JSON values (versions, verdict, where artifacts are).
        outcome: what became of the action of a decided batch; None until it has been carried out.
    """

    batch: str
    records: Mapping[State, Mapping[str, Any]]
    outcome: Mapping[str, Any] | None = None

    @property
    def state(self) -> State:
        """The last state reached."""
        return STATES[len(self.records) - 1]


@dataclass(frozen=True)
class Ledger:
    """All batches so far, in arrival order."""

    entries: tuple[Entry, ...] = ()

    def find(self, batch: str) -> Entry | None:
        """Return the entry of a batch, None if it was never seen."""
        return next((entry for entry in self.entries if entry.batch == batch), None)

    def unfinished(self) -> Entry | None:
        """Return the batch to go on with: not decided, or its action not carried out. There is at most one."""
        return next((e for e in self.entries if e.state != "decided" or e.outcome is None), None)

    def see(self, batch: str, record: Mapping[str, Any]) -> "Ledger":
        """Add a batch that has arrived; one that is there stays as it is.

        Raises:
            InputError: the batch before is not finished, or this one was seen with another record.
        """
        known = self.find(batch)
        if known is not None:
            _same(known, "seen", record)
            return self
        open_entry = self.unfinished()
        if open_entry is not None:
            raise InputError(f"ledger: batch {open_entry.batch} is only {open_entry.state}; finish it before {batch}")
        return Ledger((*self.entries, Entry(batch, {"seen": dict(record)})))

    def advance(self, batch: str, state: State, record: Mapping[str, Any]) -> "Ledger":
        """Move a batch on by one state; asking again for a state it has reached changes nothing.

        Raises:
            InputError: the batch was never seen, a state would be skipped, or it was reached with another record.
        """
        entry = self._known(batch)
        if state in entry.records:
            _same(entry, state, record)
            return self
        if STATES.index(state) != len(entry.records):
            raise InputError(f"ledger: batch {batch} is {entry.state} and cannot become {state} at once")
        return self._with(replace(entry, records={**entry.records, state: dict(record)}))

    def settle(self, batch: str, outcome: Mapping[str, Any]) -> "Ledger":
        """Record what became of the action of a decided batch, once.

        Raises:
            InputError: the batch is not decided, or another outcome is recorded.
        """
        entry = self._known(batch)
        if entry.state != "decided":
            raise InputError(f"ledger: batch {batch} is {entry.state}; its action is not decided yet")
        if entry.outcome is not None and entry.outcome != outcome:
            raise InputError(f"ledger: batch {batch} has another outcome on record; it is not overwritten")
        return self._with(replace(entry, outcome=dict(outcome)))

    def to_json(self) -> str:
        """Write the ledger; the same ledger always gives the same text."""
        entries = [{"batch": e.batch, "records": dict(e.records), "outcome": e.outcome} for e in self.entries]
        return json.dumps({"format": FORMAT, "entries": entries}, indent=1, allow_nan=False, sort_keys=True) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "Ledger":
        """Read what `to_json` wrote.

        Raises:
            InputError: not a ledger, another format, a batch twice, or states out of order.
        """
        try:
            content = json.loads(text)
            if content["format"] != FORMAT:
                raise ValueError("format")
            entries = tuple(_entry(**values) for values in content["entries"])
        except (ValueError, TypeError, KeyError):
            raise InputError("ledger: not a readable ledger of this version; restore it or start a new state") from None
        if len({entry.batch for entry in entries}) != len(entries):
            raise InputError("ledger: a batch is recorded twice; restore the ledger")
        return cls(entries)

    def _known(self, batch: str) -> Entry:
        entry = self.find(batch)
        if entry is None:
            raise InputError(f"ledger: batch {batch} was never seen; run monitor on it first")
        return entry

    def _with(self, changed: Entry) -> "Ledger":
        return Ledger(tuple(changed if entry.batch == changed.batch else entry for entry in self.entries))


def _same(entry: Entry, state: State, record: Mapping[str, Any]) -> None:
    if entry.records[state] != record:
        raise InputError(f"ledger: batch {entry.batch} is already {state} with another record; it is not overwritten")


def _entry(batch: str, records: Mapping[State, Mapping[str, Any]], outcome: Mapping[str, Any] | None) -> Entry:
    """JSON sorts the states by name; bring them into their order, and refuse gaps."""
    ordered = {state: records[state] for state in STATES[: len(records)]}
    if not records or (outcome is not None and len(records) < len(STATES)):
        raise ValueError("states")
    return Entry(batch, ordered, outcome)
