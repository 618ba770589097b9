"""The section of the monitoring page that shows for whom the champions worked, once labels had matured."""

from collections.abc import Sequence
from itertools import groupby
from typing import Literal

from markupsafe import Markup

from health_predict.evaluation import Interval
from health_predict.monitoring.group_records import GroupRecord, combine
from health_predict.monitoring.history import MonitoringHistory
from health_predict.monitoring.monitored_batch import MonitoredBatch
from health_predict.pages.charts import Row, forest
from health_predict.pages.frame import Figure, Section, Table, Text, number_interval, percent, percent_interval
from health_predict.privacy import can_be_told

FEWEST_ROWS = 1000  # of a group; below it nothing is said about how well it is served
_RECENT_ROWS = 10_000  # encounters that "lately" goes back, in whole batches

_ABOUT = (
    f"A group under {FEWEST_ROWS:,} encounters is too few to judge: its interval stands in the table, no point is "
    "drawn. A group whose interval crosses the dashed line cannot be told from the whole, and of this many groups "
    "about one in twenty misses it by chance.",
    "AUROC compares encounters of one batch with each other only, so that a change of champion between two does not "
    "count. Groups under 11 patients in a batch are pooled there.",
)


def groups_section(history: MonitoringHistory) -> Section:
    """Show AUROC and calibration by race, gender and age over all matured batches, and lately."""
    labelled = [batch for batch in history.batches if batch.realised is not None and batch.realised.groups]
    if not labelled:
        text = "No labels have matured yet. When they do, AUROC and calibration by race, gender and age stand here."
        return Section("For whom it works", "By race, gender and age as recorded.", (Text((text,)),))
    recent = _recent(labelled)
    everything, lately = _groups(labelled), _groups(recent)
    batches = "1 batch" if len(labelled) == 1 else f"{len(labelled):,} batches"
    lead = f"Realised on {batches} with matured labels, by race, gender and age as recorded."
    figures = (_auroc(everything, _whole(labelled)), _gap(everything))
    since = f"Lately: batches {recent[0].number} to {recent[-1].number}"
    blocks = (*figures, Text(_ABOUT), _table(f"In numbers: {batches}", everything))
    return Section("For whom it works", lead, (*blocks, _table(since, lately)) if recent != labelled else blocks)


def _recent(labelled: Sequence[MonitoredBatch]) -> Sequence[MonitoredBatch]:
    rows = 0
    for start in range(len(labelled) - 1, -1, -1):
        rows += labelled[start].rows
        if rows >= _RECENT_ROWS:
            return labelled[start:]
    return labelled


def _groups(batches: Sequence[MonitoredBatch]) -> tuple[GroupRecord, ...]:
    return combine(batch.realised.groups for batch in batches if batch.realised is not None)


def _auroc(groups: Sequence[GroupRecord], whole: float | None) -> Figure:
    svg = _forest(groups, "auroc", "AUROC", whole, f"all {whole:.3f}" if whole is not None else "")
    return Figure("Realised AUROC by group", svg, "Left of the line the champions ranked worse than overall.")


def _gap(groups: Sequence[GroupRecord]) -> Figure:
    svg = _forest(groups, "gap", "observed rate minus mean prediction", 0.0, "none")
    reading = "Right of the line the risk was underestimated, left of it overestimated."
    return Figure("Realised calibration gap by group", svg, reading)


def _whole(labelled: Sequence[MonitoredBatch]) -> float | None:
    """The AUROC of everyone, put together from the batches as that of a group is."""
    known = [batch.realised for batch in labelled if batch.realised is not None]
    everyone = [[GroupRecord("all", "all", r.rows, r.observed, r.predicted, r.auroc, None)] for r in known]
    auroc = combine(everyone)[0].auroc
    return auroc.value if auroc is not None else None


def _forest(
    groups: Sequence[GroupRecord], name: Literal["auroc", "gap"], axis: str, line: float | None, line_label: str
) -> Markup:
    rows: list[Row] = []
    for column, members in groupby(groups, key=lambda g: g.column):
        rows += [Row(column), *(Row(g.group, g.rows, _judged(g, name)) for g in members)]
    words = "; ".join(f"{g.column} {g.group} {_text(_judged(g, name), name)}" for g in groups)
    return forest(
        rows,
        name=f"monitored-groups-{name}",
        alt=f"{axis} by group: {words}",
        axis=axis,
        line=line if line is not None else float("nan"),
        line_label=line_label,
        limits=_around_zero(groups) if name == "gap" else None,
        as_percentages=name == "gap",
    )


def _around_zero(groups: Sequence[GroupRecord]) -> tuple[float, float]:
    """As far on both sides of zero as the widest interval goes."""
    shown = [gap for g in groups if (gap := _judged(g, "gap")) is not None]
    widest = max((abs(end) for gap in shown for end in (gap.low, gap.high)), default=0.1)
    return -1.05 * widest, 1.05 * widest


def _judged(group: GroupRecord, name: Literal["auroc", "gap"]) -> Interval | None:
    value: Interval | None = getattr(group, name)
    return value if group.rows >= FEWEST_ROWS else None


def _text(value: Interval | None, name: Literal["auroc", "gap"]) -> str:
    if value is None:
        return "too few to judge"
    return number_interval(value) if name == "auroc" else percent_interval(value)


def _table(caption: str, groups: Sequence[GroupRecord]) -> Table:
    rows = tuple(
        (
            g.column,
            g.group,
            f"{g.rows:,}",
            percent(g.observed) if can_be_told(g.rows, g.observed) else "too few",
            percent(g.predicted),
            _text(g.auroc, "auroc"),
            _text(g.gap, "gap") if can_be_told(g.rows, g.observed) else "too few",
            "" if g.rows >= FEWEST_ROWS else "too few to judge",
        )
        for g in groups
    )
    header = ("of", "group", "encounters", "observed", "predicted", "AUROC", "calibration gap", "")
    return Table(caption, header, rows, texts=(0, 1, 7), folded=True)
