"""How the champion did for groups of patients, batch by batch: as the ledger keeps it, and several batches together."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import chain
from typing import Any

from health_predict.evaluation import Interval
from health_predict.privacy import POOLED, can_be_told
from health_predict.slices import Slice


@dataclass(frozen=True)
class GroupRecord:
    """One group in one labelled batch, or in several together.

    Attributes:
        column: race, gender or age.
        observed, predicted: share of positives and mean score, 0..1.
        auroc: None where fewer than 11 positives or negatives stand behind it.
        gap: observed minus predicted.
    """

    column: str
    group: str
    rows: int
    observed: float
    predicted: float
    auroc: Interval | None
    gap: Interval | None


def group_records(slices: Sequence[Slice]) -> list[dict[str, Any]]:
    """Return the slices of a labelled batch as plain JSON values, for its record in the ledger."""
    return [asdict(_of_slice(s)) for s in slices]


def read_groups(records: Iterable[Mapping[str, Any]]) -> tuple[GroupRecord, ...]:
    """Return what `group_records` wrote; KeyError or TypeError if a field is missing or unknown."""
    return tuple(GroupRecord(**{**r, "auroc": _interval(r["auroc"]), "gap": _interval(r["gap"])}) for r in records)


def combine(batches: Iterable[Sequence[GroupRecord]]) -> tuple[GroupRecord, ...]:
    """Put the same groups of several batches together: race, gender and age in their order, the pooled ones last.

    Rates and gaps are means weighted by rows. AUROC compares pairs within a batch only, since batches may have been
    scored by different champions: its mean is weighted by the pairs of a batch. Intervals take batches as independent.
    """
    members: dict[tuple[str, str], list[GroupRecord]] = {}
    for record in chain.from_iterable(batches):
        members.setdefault((record.column, record.group), []).append(record)
    return tuple(_together(members[key]) for key in sorted(members, key=_place))


def _place(key: tuple[str, str]) -> tuple[int, bool, bool, str]:
    column, group = key
    columns = ("all", "race", "gender", "age")
    return (
        columns.index(column) if column in columns else len(columns),
        group == POOLED,
        not group.startswith("<"),
        group,
    )


def _of_slice(s: Slice) -> GroupRecord:
    auroc = _known(s.auroc) if can_be_told(s.rows, s.positive_rate) else None
    return GroupRecord(s.column, s.group, s.rows, s.positive_rate, s.mean_probability, auroc, _known(s.calibration_gap))


def _known(value: Interval) -> Interval | None:
    return value if all(math.isfinite(x) for x in (value.value, value.low, value.high)) else None


def _interval(values: Mapping[str, float] | None) -> Interval | None:
    return None if values is None else Interval(**values)


def _together(records: Sequence[GroupRecord]) -> GroupRecord:
    rows = sum(r.rows for r in records)
    pairs = [(r.auroc, r.rows**2 * r.observed * (1 - r.observed)) for r in records]
    return GroupRecord(
        column=records[0].column,
        group=records[0].group,
        rows=rows,
        observed=sum(r.rows * r.observed for r in records) / rows,
        predicted=sum(r.rows * r.predicted for r in records) / rows,
        auroc=_mean(pairs),
        gap=_mean([(r.gap, float(r.rows)) for r in records]),
    )


def _mean(values: Sequence[tuple[Interval | None, float]]) -> Interval | None:
    """Weight estimates of independent batches; each side of the interval adds up by its squares."""
    known = [(value, weight) for value, weight in values if value is not None]
    total = sum(weight for _, weight in known)
    if total == 0:
        return None
    mean = sum(weight * value.value for value, weight in known) / total
    below = math.sqrt(sum((weight * (value.value - value.low)) ** 2 for value, weight in known)) / total
    above = math.sqrt(sum((weight * (value.high - value.value)) ** 2 for value, weight in known)) / total
    return Interval(mean, mean - below, mean + above)
