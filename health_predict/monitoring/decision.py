"""The verdict on one batch: which alarms are raised at a known false-alarm rate, and why, in words."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self

import numpy as np
from scipy.stats import norm

from health_predict.errors import InputError
from health_predict.monitoring.distance import Floats
from health_predict.monitoring.drift import Drift
from health_predict.monitoring.performance import Performance
from health_predict.monitoring.reference import Reference
from health_predict.stored import check_fields

Verdict = Literal["DRIFT_DETECTED", "NO_DRIFT"]
AlarmName = Literal["column", "impact", "calibration", "auroc"]
RuleName = Literal["calibrated", "evidently"]

MOST_NAMED = 5  # columns in a reason; the verdict lists all


@dataclass(frozen=True)
class Rule:
    """How a batch is judged.

    Attributes:
        false_alarm_rate: chance that a batch without drift gets any alarm; alarms share it equally, which bounds the
            sum whatever their dependence (Bonferroni).
        drift_share: share of drifted columns from which the rule "evidently" finds drift.
    """

    name: RuleName = "calibrated"
    false_alarm_rate: float = 0.01
    drift_share: float = 0.5

    def __post_init__(self) -> None:
        if not 0 < self.false_alarm_rate < 1:
            raise InputError(f"monitoring: false_alarm_rate {self.false_alarm_rate} is not between 0 and 1")
        if not 0 < self.drift_share <= 1:
            raise InputError(f"monitoring: drift_share {self.drift_share} is not within 0 to 1")


@dataclass(frozen=True)
class Alarm:
    """One test: raised if the statistic exceeds its threshold.

    Attributes:
        statistic, threshold: standard deviations (column, calibration; the latter two-sided), a distance 0..1 (impact),
            or a loss of AUROC (auroc).
        p_value: without drift, the chance of a statistic at least as large. Of a drawn null it is (1 + draws as large)
            / (1 + draws), so never 0 (Phipson and Smyth 2010).
    """

    name: AlarmName
    statistic: float
    threshold: float
    p_value: float
    raised: bool


@dataclass(frozen=True)
class DriftVerdict:
    """What was found in a batch.

    Attributes:
        judged: false for a batch that is too small to judge; it has no alarms.
        columns: whose deviation exceeds the threshold of the column alarm, the largest first.
        alarms: every test that was made.
        drift_share: Evidently's share of drifted columns, whichever rule decides; None if there is no report.
        labelled_rows: rows whose matured labels were checked, 0 if none.
    """

    verdict: Verdict
    reason: str
    rule: RuleName
    judged: bool
    rows: int
    labelled_rows: int
    columns: tuple[str, ...]
    alarms: tuple[Alarm, ...]
    drift_share: float | None

    @property
    def raised(self) -> tuple[AlarmName, ...]:
        """The names of the alarms that are raised."""
        return tuple(alarm.name for alarm in self.alarms if alarm.raised)

    def alarm(self, name: AlarmName) -> Alarm | None:
        """Return a test by its name, raised or not; None if it was not made."""
        return next((alarm for alarm in self.alarms if alarm.name == name), None)

    def as_dict(self) -> dict[str, Any]:
        """Return the verdict as plain JSON values."""
        return {**asdict(self), "columns": list(self.columns), "alarms": [asdict(alarm) for alarm in self.alarms]}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Return the verdict that `as_dict` wrote; InputError if a field is missing or unknown."""
        check_fields(cls, values, "drift verdict", "check the batch again")
        alarms = tuple(Alarm(**alarm) for alarm in values["alarms"])
        return cls(**{**values, "columns": tuple(values["columns"]), "alarms": alarms})


def judge(
    reference: Reference,
    drift: Drift,
    performance: Performance | None,
    rule: Rule,
    *,
    drift_share: float | None = None,
) -> DriftVerdict:
    """Test a batch against the nulls of its reference.

    Args:
        performance: of the rows whose labels have matured by now, the batch's own or an earlier one's; None if none.
        drift_share: share of drifted columns in Evidently's report of the batch, 0..1.

    Raises:
        InputError: the null has too few draws for the rate, or the rule "evidently" has no share.
    """
    alarms = _test(reference, drift, performance, rule)
    columns = tuple(c.column for c in drift.columns if c.deviation > alarms[0].threshold)
    drifted, reason = _by_share(drift_share, rule) if rule.name == "evidently" else _by_alarms(alarms, columns)
    return DriftVerdict(
        verdict="DRIFT_DETECTED" if drifted else "NO_DRIFT",
        reason=reason,
        rule=rule.name,
        judged=True,
        rows=drift.rows,
        labelled_rows=performance.rows if performance else 0,
        columns=columns,
        alarms=alarms,
        drift_share=drift_share,
    )


def too_small(rows: int, minimum: int, rule: Rule) -> DriftVerdict:
    """Return the verdict on what is left at the end of the data, under `minimum` rows: scored and not judged."""
    reason = f"too small to judge: {rows:,} rows, {minimum:,} are needed"
    return DriftVerdict("NO_DRIFT", reason, rule.name, False, rows, 0, (), (), None)


def judge_labels(reference: Reference, performance: Performance, rule: Rule) -> tuple[Alarm, Alarm]:
    """Test matured labels alone: the calibration and the AUROC alarm, as `judge` makes them of the same performance.

    Raises:
        InputError: the null has too few draws for the rate.
    """
    rate, unit = rule.false_alarm_rate / 4, performance.auroc_unit
    losses = reference.null.at(performance.rows).auroc_loss
    return (
        _calibration(performance, rate),
        _against(losses, "auroc", performance.auroc_loss / unit, unit, rate),
    )


def _test(reference: Reference, drift: Drift, performance: Performance | None, rule: Rule) -> tuple[Alarm, ...]:
    rate = rule.false_alarm_rate / (2 if performance is None else 4)
    null = reference.null.at(drift.rows)
    unit = drift.distance / drift.impact if drift.impact > 0 else 1.0  # back to a distance that a person can compare
    return (
        _against(null.largest, "column", drift.largest, 1.0, rate),
        _against(null.impact, "impact", drift.impact, unit, rate),
        *(() if performance is None else judge_labels(reference, performance, rule)),
    )


def _against(null: Floats, name: AlarmName, statistic: float, unit: float, rate: float) -> Alarm:
    """Test one-sided against sorted draws; a statistic that is not a number, as an AUROC of one class, is no alarm."""
    allowed = int(rate * (len(null) + 1))  # of the draws and the batch together
    if allowed < 1:
        raise InputError(
            f"monitoring: {len(null):,} draws cannot show a false-alarm rate of {rate:g}; draw more or raise the rate"
        )
    as_large = len(null) - int(np.searchsorted(null, statistic, side="left"))  # NaN sorts last: none is as large
    known = bool(np.isfinite(statistic))
    return Alarm(
        name=name,
        statistic=statistic * unit,
        threshold=float(null[-allowed]) * unit,
        p_value=(1 + as_large) / (1 + len(null)) if known else 1.0,
        raised=known and 1 + as_large <= allowed,
    )


def _calibration(performance: Performance, rate: float) -> Alarm:
    """Two-sided: too high a risk does as much harm as too low a one."""
    threshold, p_value = float(norm.isf(rate / 2)), performance.calibration_p
    return Alarm("calibration", performance.calibration_z, threshold, p_value, p_value <= rate)


def _by_share(drift_share: float | None, rule: Rule) -> tuple[bool, str]:
    if drift_share is None:
        raise InputError("monitoring: rule 'evidently' needs the share of its report; take rule 'calibrated'")
    drifted = drift_share >= rule.drift_share
    compared = "at or above" if drifted else "below"
    return drifted, f"Evidently: {drift_share:.0%} of the columns drifted, {compared} {rule.drift_share:.0%}"


def _by_alarms(alarms: Sequence[Alarm], columns: Sequence[str]) -> tuple[bool, str]:
    raised = [alarm for alarm in alarms if alarm.raised]
    if not raised:
        closest = min(alarms, key=lambda alarm: alarm.p_value)
        return False, f"no alarm of {len(alarms)}; closest: {_in_words(closest, ())}"
    return True, "; ".join(_in_words(alarm, columns) for alarm in raised)


def _in_words(alarm: Alarm, columns: Sequence[str]) -> str:
    if alarm.name == "column":
        more = f" and {len(columns) - MOST_NAMED} more" if len(columns) > MOST_NAMED else ""
        named = f" ({', '.join(columns[:MOST_NAMED])}{more})" if columns else ""
        return f"columns{named} deviate by up to {alarm.statistic:.1f} sd, allowed {alarm.threshold:.1f}"
    if alarm.name == "impact":
        return f"distance weighted by importance {alarm.statistic:.4f}, allowed {alarm.threshold:.4f}"
    if alarm.name == "calibration":
        more_or_fewer = "more" if alarm.statistic > 0 else "fewer"
        off = f"{abs(alarm.statistic):.1f} sd {more_or_fewer} readmissions than predicted"
        return f"{off}, allowed {alarm.threshold:.1f}"
    return f"AUROC {alarm.statistic:.3f} below the reference, allowed {alarm.threshold:.3f}"
