"""What follows from a verdict: the verdict may repeat batch after batch, the action does not.

Labels that arrive with a batch are looked at twice. Before the batch is scored, `decide_recalibration` sees to it that
no probability is given that is already known to be off; after its verdict, `decide_action` decides the rest.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self

from health_predict.errors import InputError
from health_predict.monitoring.decision import Alarm, AlarmName, DriftVerdict
from health_predict.stored import check_fields

Action = Literal["none", "recalibrate", "retrain", "waiting"]
Outcome = Literal["pending", "promoted", "refused"]

_FORCED: tuple[Action, str] = ("retrain", "asked for")
_BEFORE = "calibration, carried out before the batch is scored"


@dataclass(frozen=True)
class ActionSettings:
    """When to act.

    Attributes:
        impact_needed, impact_window: batches with an impact alarm, of how many consecutive ones, that ask to retrain.
        cool_down: batches after an action in which nothing is done.
        retrain_window: at most one retrain in so many consecutive batches.
    """

    impact_needed: int = 2
    impact_window: int = 3
    cool_down: int = 1
    retrain_window: int = 3

    def __post_init__(self) -> None:
        if not 1 <= self.impact_needed <= self.impact_window:
            needed = f"impact_needed {self.impact_needed}"
            raise InputError(f"monitoring: {needed} is not within 1 to impact_window {self.impact_window}")
        if self.cool_down < 0 or self.retrain_window < 1:
            raise InputError("monitoring: cool_down must be at least 0 and retrain_window at least 1")


@dataclass(frozen=True)
class Decided:
    """One earlier batch, as far as later actions depend on it.

    Attributes:
        reference: which reference it was judged against; alarms against another one say nothing about this one.
        matured_rows: labelled encounters that were known when it was decided.
        outcome: of its retrain or recalibration; "pending" for other actions.
    """

    reference: str
    raised: tuple[AlarmName, ...]
    action: Action
    matured_rows: int
    outcome: Outcome = "pending"


@dataclass(frozen=True)
class ActionDecision:
    """The action and why."""

    action: Action
    reason: str

    def as_dict(self) -> dict[str, Any]:
        """Return the decision as plain JSON values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Return the decision that `as_dict` wrote; InputError if a field is missing or unknown."""
        check_fields(cls, values, "action decision", "decide the batch again")
        return cls(**values)


def decide_recalibration(
    alarms: Sequence[Alarm], history: Sequence[Decided], settings: ActionSettings, *, matured_rows: int
) -> ActionDecision:
    """Decide, when labels arrive and before the next batch is scored, whether the intercept is moved to them first.

    Args:
        alarms: of the matured labels (`decision.judge_labels`); none if no labels arrived.
        history, settings, matured_rows: as for `decide_action`.

    Returns:
        recalibrate, waiting or none; a loss of AUROC is left to `decide_action`, since a retrain takes longer.
    """
    if not any(alarm.name == "calibration" and alarm.raised for alarm in alarms):
        return ActionDecision("none", "no calibration alarm")
    wait = _wait("recalibrate", history, settings, matured_rows)
    return ActionDecision("waiting", f"recalibrate waits: {wait}") if wait else ActionDecision("recalibrate", _BEFORE)


def decide_action(
    verdict: DriftVerdict,
    history: Sequence[Decided],
    settings: ActionSettings,
    *,
    reference: str,
    matured_rows: int,
    retrain_lacks: str = "",
    forced: bool = False,
    recalibrated: bool = False,
) -> ActionDecision:
    """Decide what to do about a batch.

    Args:
        history: the batches before, oldest first, each with the outcome of its action.
        reference: which reference the verdict is against.
        matured_rows: labelled encounters known by now.
        retrain_lacks: what a retrain lacks, in words (`RetrainingData.missing`); empty if it can start.
        forced: retrain whatever the verdict and the waiting times say, if it can start.
        recalibrated: whether `decide_recalibration` already had it done. That is then the action of this batch, unless
            a retrain follows.
    """
    wanted, why = _FORCED if forced else _wanted(verdict, history, settings, reference)
    wait = "" if forced else _wait(wanted, history, settings, matured_rows)
    if wanted == "retrain" and retrain_lacks:
        wait = retrain_lacks
    waits = f"{wanted} ({why}) waits: {wait}" if wait else ""
    if recalibrated and (wait or wanted != "retrain"):
        return ActionDecision("recalibrate", f"{_BEFORE}; {waits}" if waits else _BEFORE)
    return ActionDecision("waiting", waits) if wait else ActionDecision(wanted, why)


def _wanted(
    verdict: DriftVerdict, history: Sequence[Decided], settings: ActionSettings, reference: str
) -> tuple[Action, str]:
    if verdict.rule == "evidently":
        return (
            ("retrain", "drift by Evidently's share") if verdict.verdict == "DRIFT_DETECTED" else ("none", "no drift")
        )
    if "auroc" in verdict.raised:
        return "retrain", "AUROC below the reference's null"
    recent = history[max(0, len(history) - settings.impact_window + 1) :]
    earlier = sum("impact" in past.raised for past in recent if past.reference == reference)
    found = earlier + ("impact" in verdict.raised)
    if "impact" in verdict.raised and found >= settings.impact_needed:
        return "retrain", f"impact in {found} of {settings.impact_window} consecutive batches"
    if "calibration" in verdict.raised:
        return "recalibrate", "calibration alone"
    if "impact" in verdict.raised:
        return "none", f"impact in {found} of {settings.impact_window} batches, {settings.impact_needed} are needed"
    return "none", "drift in columns that the model hardly uses" if verdict.raised else "no alarm"


def _wait(wanted: Action, history: Sequence[Decided], settings: ActionSettings, matured_rows: int) -> str:
    """Say what the action waits for; empty if nothing."""
    if wanted == "none":
        return ""
    acted = _batches_since(history, ("retrain", "recalibrate"))
    if acted is not None and acted < settings.cool_down:
        return f"cool-down of {settings.cool_down} batches"
    refused = [past for past in history if past.action == wanted and past.outcome == "refused"]
    if refused and matured_rows <= refused[-1].matured_rows:
        return "the last candidate was refused and no new labels have matured"
    retrained = _batches_since(history, ("retrain",))
    if wanted == "retrain" and retrained is not None and retrained + 1 < settings.retrain_window:
        return f"one retrain in {settings.retrain_window} batches"
    return ""


def _batches_since(history: Sequence[Decided], actions: tuple[Action, ...]) -> int | None:
    """Count the decided batches after the last one with such an action; None if there is none."""
    return next((i for i, past in enumerate(reversed(history)) if past.action in actions), None)
