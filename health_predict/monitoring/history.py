"""What monitoring has seen and done so far, read from the ledger and the log of champions, as the page shows it.

What is read of a batch's records, beyond what contracts elsewhere say; what is marked ? may be missing:

    seen     rows, provenance, index?, shift? (a text such as "a1c:1.0")
    scored   version, mean, expected_auroc?
    checked  verdict, columns? {column: [distance, deviation]}, evidently? {share, drifted, columns, reports {name: uri}},
             mlflow_run_id?, mlflow_url?, and of the batch whose labels have matured:
             labelled? (its id), performance? (a `Performance`, NaN as null), slices? (`group_records`)
    decided  action, reason, zenml_run_id?, zenml_url?
    outcome  result, version?, served?, reason?
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, get_args

from health_predict.champions import ChampionChange
from health_predict.errors import InputError
from health_predict.evaluation import Interval
from health_predict.monitoring.action import Action
from health_predict.monitoring.champion_line import ChampionMark, Served, place_changes
from health_predict.monitoring.decision import Alarm, AlarmName, DriftVerdict
from health_predict.monitoring.drift import ColumnDrift
from health_predict.monitoring.group_records import GroupRecord, read_groups
from health_predict.monitoring.ledger import Entry, Ledger, State
from health_predict.reading import Provenance

Record = Mapping[str, Any]


@dataclass(frozen=True)
class Realised:
    """What the matured labels of a batch showed, when a later batch (or the batch itself) was checked.

    Attributes:
        checked_at: position of that later batch, whose champion is judged.
        auroc, reference_auroc: None if the batch has one outcome only.
        calibration, auroc_loss: the two alarms; None where the test was not made.
    """

    checked_at: int
    rows: int
    observed: float
    predicted: float
    calibration_z: float
    auroc: Interval | None
    reference_auroc: float | None
    calibration: Alarm | None
    auroc_loss: Alarm | None
    groups: tuple[GroupRecord, ...]


@dataclass(frozen=True)
class EvidentlyFigures:
    """What Evidently found: share of drifted columns 0..1, their number and names, and where its reports lie."""

    share: float | None
    drifted: int | None
    columns: tuple[str, ...]
    reports: Mapping[str, str]


@dataclass(frozen=True)
class Settled:
    """What became of an action: `result` none, promoted, refused or waiting; `served` is the version served since."""

    result: str
    version: str | None
    served: str | None
    reason: str


@dataclass(frozen=True)
class MonitoredBatch:
    """One batch, as far as it has come; what lies ahead of its state is None or empty.

    Attributes:
        number: what people call it by; usually its position.
        shift: the shift that was put on it for a demonstration, None if it is as it arrived.
        version: who scored it.
        mean_score, expected_auroc: of its scores on arrival, before any label.
        columns: every watched column.
        run_url, pipeline_url: pages of the MLflow run and of the ZenML run, None if there is no server to show them.
        realised: what its labels showed; None until they have matured.
    """

    id: str
    number: int
    rows: int
    provenance: Provenance
    state: State
    shift: str | None = None
    version: str | None = None
    mean_score: float | None = None
    expected_auroc: float | None = None
    verdict: DriftVerdict | None = None
    columns: tuple[ColumnDrift, ...] = ()
    evidently: EvidentlyFigures | None = None
    run: str | None = None
    run_url: str | None = None
    action: Action | None = None
    action_reason: str = ""
    pipeline_run: str | None = None
    pipeline_url: str | None = None
    settled: Settled | None = None
    realised: Realised | None = None

    @property
    def judged(self) -> bool:
        """Whether there is a verdict that says anything: not before the check, nor on too few rows."""
        return self.verdict is not None and self.verdict.judged

    @property
    def alarmed(self) -> bool:
        """Whether the verdict is drift."""
        return self.verdict is not None and self.verdict.verdict == "DRIFT_DETECTED"

    def alarm(self, name: AlarmName) -> Alarm | None:
        """Return a test of the check of this batch; None if it was not made."""
        return _alarm(self.verdict, name)


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
    realised = dict(_realised_by_batch(ledger.entries))
    batches = tuple(_guarded(_batch, entry, i, realised.get(entry.batch)) for i, entry in enumerate(ledger.entries))
    return MonitoringHistory(batches, tuple(changes), place_changes([_served(b) for b in batches], changes))
