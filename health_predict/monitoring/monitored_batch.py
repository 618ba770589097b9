"""One monitored batch as the page shows it: what was found, decided and done, and what its labels showed later."""

from collections.abc import Mapping
from dataclasses import dataclass

from health_predict.evaluation import Interval
from health_predict.monitoring.action import Action
from health_predict.monitoring.decision import Alarm, AlarmName, DriftVerdict
from health_predict.monitoring.drift import ColumnDrift
from health_predict.monitoring.group_records import GroupRecord
from health_predict.monitoring.ledger import State
from health_predict.reading import Provenance


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
        columns: every watched column, the largest deviation first.
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
        return self.verdict.alarm(name) if self.verdict else None
