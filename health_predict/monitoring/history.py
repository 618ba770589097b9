"""What monitoring has seen and done so far, read from the ledger and the log of champions, as the page shows it.

What is read of a batch's records, beyond what contracts elsewhere say; what is marked ? may be missing:

    seen     rows, provenance, index?, shift? (a text such as "a1c:1.0")
    scored   version, mean, expected_auroc?
    checked  verdict, columns? {column: [distance, deviation]}, mlflow_run_id?, mlflow_url?,
             evidently? {share, drifted, columns, reports {name: uri}}, and of the batch whose labels have matured:
             labelled? (its id), performance? (a `Performance`, NaN as null), slices? (`group_records`)
    decided  action, reason, zenml_run_id?, zenml_url?
    outcome  result, version?, served?, reason?
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, get_args

from health_predict.champions import ChampionChange
from health_predict.errors import InputError
from health_predict.evaluation import Interval
from health_predict.monitoring.champion_line import ChampionMark, Served, place_changes
from health_predict.monitoring.decision import DriftVerdict
from health_predict.monitoring.drift import ColumnDrift
from health_predict.monitoring.group_records import read_groups
from health_predict.monitoring.ledger import STATES, Entry, Ledger
from health_predict.monitoring.monitored_batch import EvidentlyFigures, MonitoredBatch, Realised, Settled
from health_predict.reading import Provenance

Record = Mapping[str, Any]


@dataclass(frozen=True)
class MonitoringHistory:
    """All batches in arrival order, and who was champion.

    Attributes:
        changes: the whole log of champions.
        marks: its changes since the first batch, placed among the batches.
    """

    batches: tuple[MonitoredBatch, ...]
    changes: tuple[ChampionChange, ...]
    marks: tuple[ChampionMark, ...]

    @property
    def provenance(self) -> Provenance | None:
        """Where the encounters come from: synthetic if any batch is; None before the first."""
        found = [batch.provenance for batch in self.batches]
        return "synthetic" if "synthetic" in found else (found[-1] if found else None)

    @property
    def champion(self) -> str | None:
        """The champion as of the log; without a log the version that an action made or that scored last."""
        if self.changes:
            return self.changes[-1].version
        made = [mark.version for mark in self.marks]
        scored = [batch.version for batch in self.batches if batch.version is not None]
        return made[-1] if made else (scored[-1] if scored else None)

    @property
    def served(self) -> str | None:
        """The version that was served when the last batch was settled; None if no batch says."""
        known = [b.settled.served for b in self.batches if b.settled is not None and b.settled.served is not None]
        return known[-1] if known else None

    @property
    def latest(self) -> MonitoredBatch | None:
        """The last batch that has a verdict."""
        return next((batch for batch in reversed(self.batches) if batch.verdict is not None), None)


def read_history(ledger: Ledger, changes: Sequence[ChampionChange]) -> MonitoringHistory:
    """Read all batches, whatever state they are in.

    Args:
        changes: the registry's log of champions, oldest first.

    Raises:
        InputError: a record lacks a field, or one has the wrong form.
    """
    realised: dict[str, Realised] = {}
    batches: list[MonitoredBatch] = []
    for position, entry in enumerate(ledger.entries):
        with _explained(entry.batch):
            realised |= _realised(entry, position)
            batches.append(_batch(entry, position))
    known = tuple(replace(batch, realised=realised.get(batch.id)) for batch in batches)
    return MonitoringHistory(known, tuple(changes), place_changes([_served(batch) for batch in known], changes))


@contextmanager
def _explained(batch: str) -> Iterator[None]:
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        field = f"field {error.args[0]!r} is missing" if isinstance(error, KeyError) else "a field has another form"
        raise InputError(f"ledger: batch {batch}: {field}; restore the ledger or start a new state") from None


def _batch(entry: Entry, position: int) -> MonitoredBatch:
    seen, scored, checked, decided = (entry.records.get(state, {}) for state in STATES)
    if seen["provenance"] not in get_args(Provenance):
        raise ValueError("provenance")
    return MonitoredBatch(
        id=entry.batch,
        number=seen.get("index", position),
        rows=seen["rows"],
        provenance=seen["provenance"],
        state=entry.state,
        shift=seen.get("shift"),
        version=scored["version"] if scored else None,
        mean_score=scored["mean"] if scored else None,
        expected_auroc=scored.get("expected_auroc"),
        verdict=DriftVerdict.from_dict(checked["verdict"]) if checked else None,
        columns=_columns(checked.get("columns") or {}),
        evidently=_evidently(checked.get("evidently")),
        run=checked.get("mlflow_run_id"),
        run_url=checked.get("mlflow_url"),
        action=decided["action"] if decided else None,
        action_reason=decided["reason"] if decided else "",
        pipeline_run=decided.get("zenml_run_id"),
        pipeline_url=decided.get("zenml_url"),
        settled=_settled(entry.outcome),
    )


def _columns(columns: Mapping[str, Sequence[float]]) -> tuple[ColumnDrift, ...]:
    """JSON sorts the columns by name; bring them into their order again."""
    found = (ColumnDrift(name, *map(float, figures)) for name, figures in columns.items())
    return tuple(sorted(found, key=lambda c: (-c.deviation, c.column)))


def _evidently(found: Record | None) -> EvidentlyFigures | None:
    if not found:
        return None
    columns, reports = tuple(found.get("columns") or ()), dict(sorted((found.get("reports") or {}).items()))
    return EvidentlyFigures(found.get("share"), found.get("drifted"), columns, reports)


def _settled(outcome: Record | None) -> Settled | None:
    if outcome is None:
        return None
    return Settled(outcome["result"], outcome.get("version"), outcome.get("served"), outcome.get("reason") or "")


def _realised(entry: Entry, position: int) -> dict[str, Realised]:
    """Return what this batch's check showed of the batch whose labels had matured, by that batch's id."""
    checked = entry.records.get("checked", {})
    performance, labelled = checked.get("performance"), checked.get("labelled")
    if not performance or labelled is None:
        return {}
    verdict, auroc = DriftVerdict.from_dict(checked["verdict"]), _auroc(performance["auroc"])
    loss = performance.get("auroc_loss")
    found = Realised(
        checked_at=position,
        rows=performance["rows"],
        observed=performance["observed"],
        predicted=performance["predicted"],
        calibration_z=performance["calibration_z"],
        auroc=auroc,
        reference_auroc=None if auroc is None or loss is None else auroc.value + loss,
        calibration=verdict.alarm("calibration"),
        auroc_loss=verdict.alarm("auroc"),
        groups=read_groups(checked.get("slices") or ()),
    )
    return {labelled: found}


def _auroc(values: Mapping[str, float | None] | None) -> Interval | None:
    """JSON has no NaN: an AUROC of one outcome is null, whole or in each of its values."""
    known = [values[name] for name in ("value", "low", "high")] if values else []
    return Interval(*(x for x in known if x is not None)) if known and None not in known else None


def _served(batch: MonitoredBatch) -> Served:
    made = batch.settled.version if batch.settled is not None and batch.settled.result == "promoted" else None
    return Served(batch.version, batch.action or "none", made)
