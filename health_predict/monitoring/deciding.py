"""From a ledger with a checked batch to the same ledger with the batch decided. No storage here."""

from collections.abc import Sequence

from health_predict.errors import InputError
from health_predict.monitoring.action import ActionSettings, Decided, Outcome, decide_action
from health_predict.monitoring.decision import DriftVerdict
from health_predict.monitoring.ledger import Entry, Ledger
from health_predict.monitoring.maturity import matured
from health_predict.monitoring.retraining import lacking

_ACTED: dict[str, Outcome] = {"promoted": "promoted", "refused": "refused"}


def decide(
    ledger: Ledger,
    batch: str,
    settings: ActionSettings,
    *,
    delay: int,
    judges: int,
    forced: bool = False,
    recalibrated: bool = False,
    run: str = "",
) -> Ledger:
    """Decide a checked batch; a batch that is decided stays as it is.

    Args:
        delay: batches until outcomes are known.
        judges: labelled encounters that a retrain is judged by.
        forced: retrain whatever the verdict says, if it can start.
        recalibrated: the champion was recalibrated on outcomes that arrived with the batch, before it was scored.
        run: id of the pipeline run that decides, for links.

    Raises:
        InputError: the batch was never seen, or is not checked.
    """
    index = position(ledger, batch)
    entry = ledger.entries[index]
    if "decided" in entry.records:
        return ledger
    if "checked" not in entry.records:
        raise InputError(f"ledger: batch {batch} is {entry.state}; check it before it is decided")
    known = matured(ledger.entries, index, delay)
    rows = sum(past.records["seen"]["rows"] for past in known)
    reference = entry.records["scored"]["reference"]
    decision = decide_action(
        DriftVerdict.from_dict(entry.records["checked"]["verdict"]),
        history(ledger.entries[:index]),
        settings,
        reference=reference,
        matured_rows=rows,
        retrain_lacks=lacking(rows, judges),
        forced=forced,
        recalibrated=recalibrated,
    )
    record = {**decision.as_dict(), "reference": reference, "matured_rows": rows, "matured": [e.batch for e in known]}
    record |= {"zenml_run_id": run} if run else {}
    return ledger.advance(batch, "decided", record)


def position(ledger: Ledger, batch: str) -> int:
    """Return the index of a batch in arrival order; InputError if it was never seen."""
    found = next((i for i, entry in enumerate(ledger.entries) if entry.batch == batch), None)
    if found is None:
        raise InputError(f"ledger: batch {batch} was never seen; run monitor on it first")
    return found


def history(entries: Sequence[Entry]) -> tuple[Decided, ...]:
    """Return what later actions depend on, of decided batches in arrival order."""
    return tuple(_decided(entry) for entry in entries)


def _decided(entry: Entry) -> Decided:
    record, outcome = entry.records["decided"], entry.outcome or {}
    return Decided(
        reference=record["reference"],
        raised=DriftVerdict.from_dict(entry.records["checked"]["verdict"]).raised,
        action=record["action"],
        matured_rows=record["matured_rows"],
        outcome=_ACTED.get(outcome.get("result", ""), "pending"),
    )
