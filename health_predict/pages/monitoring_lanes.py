"""What happened along the batches, in lanes: which alarms were raised, what was done, who was champion."""

from collections.abc import Callable, Sequence
from itertools import pairwise

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from health_predict.monitoring.decision import AlarmName
from health_predict.monitoring.history import MonitoringHistory
from health_predict.monitoring.monitored_batch import MonitoredBatch
from health_predict.pages.drawing import BLACK, BLUE, GREEN, GRID, INK, MUTED, SKY, VERMILLION
from health_predict.pages.frame import Figure
from health_predict.pages.monitoring_strip import MARKS, Point, numbers, scatter, strip

_ALARMS: tuple[tuple[AlarmName, str], ...] = (
    ("column", "columns"),
    ("impact", "impact"),
    ("calibration", "calibration"),
    ("auroc", "AUROC"),
)
_VERDICT_LANE, _ACTION_LANE, _CHAMPION_LANE = len(_ALARMS), len(_ALARMS) + 1, len(_ALARMS) + 2
_HEIGHT = 3.2  # inches


def _acted(action: str, *results: str) -> Callable[[MonitoredBatch], bool]:
    return lambda b: b.action == action and (not results or _result(b) in results)


def _result(batch: MonitoredBatch) -> str:
    return batch.settled.result if batch.settled else ""


# words, colour, marker, hollow, and whom they are about
_ACTIONS: tuple[tuple[str, str, str, bool, Callable[[MonitoredBatch], bool]], ...] = (
    ("retrain, promoted", GREEN, "^", False, _acted("retrain", "promoted")),
    ("retrain, refused", BLACK, "X", False, _acted("retrain", "refused")),
    ("retrain, not settled", BLACK, "^", True, lambda b: b.action == "retrain" and not _is_settled(b)),
    ("recalibrate", BLUE, "o", False, _acted("recalibrate")),
    ("waiting", MUTED, "s", True, _acted("waiting")),
)


def _is_settled(batch: MonitoredBatch) -> bool:
    return _result(batch) in ("promoted", "refused")


def lanes_figure(history: MonitoringHistory) -> Figure:
    """Show alarms, actions and champions, one place a batch."""

    def paint(axes: Axes) -> None:
        for lane, (name, _) in enumerate(_ALARMS):
            _alarms(axes, history.batches, name, lane)
        _verdicts(axes, history.batches)
        _actions(axes, history.batches)
        _champions(axes, history)
        names = [*(f"alarm: {words}" for _, words in _ALARMS), "verdict", "action", "champion"]
        axes.set_yticks(range(len(names)), names)
        axes.tick_params(axis="y", length=0)
        axes.set_ylim(len(names) - 0.4, -0.6)
        axes.grid(visible=False)
        axes.spines[["left"]].set_visible(False)
        _legend(axes, history)

    svg = strip(history, paint, name="monitored-events", alt=_in_words(history), height=_HEIGHT)
    reading = (
        "A vertical line is a change of champion. An alarm about calibration or AUROC stands at the batch at which the "
        "labels of an earlier one had matured. Every mark leads to the row of its batch."
    )
    return Figure("Alarms, actions and champions", svg, reading, wide=True)


def _alarms(axes: Axes, batches: Sequence[MonitoredBatch], name: AlarmName, lane: int) -> None:
    tested = [(place, b, b.alarm(name)) for place, b in enumerate(batches)]
    calm = [place for place, _, alarm in tested if alarm is not None and not alarm.raised]
    axes.plot(calm, [lane] * len(calm), ".", color=MUTED, markersize=2.5, alpha=0.8)
    scatter(axes, _points(batches, lane, lambda b: _is_raised(b, name)), colour=VERMILLION, marker="D", label="")


def _is_raised(batch: MonitoredBatch, name: AlarmName) -> bool:
    alarm = batch.alarm(name)
    return alarm is not None and alarm.raised


def _verdicts(axes: Axes, batches: Sequence[MonitoredBatch]) -> None:
    drifted = _points(batches, _VERDICT_LANE, lambda b: b.alarmed)
    calm = _points(batches, _VERDICT_LANE, lambda b: b.judged and not b.alarmed)
    none = [place for place, b in enumerate(batches) if not b.judged]
    scatter(axes, drifted, colour=VERMILLION, marker="D", label="alarm, drift")
    scatter(axes, calm, colour=BLUE, marker="o", label="no drift", hollow=True)
    if none:
        axes.plot(none, [_VERDICT_LANE] * len(none), "x", color=MUTED, markersize=5, label="not judged")


def _points(batches: Sequence[MonitoredBatch], lane: int, about: Callable[[MonitoredBatch], bool]) -> list[Point]:
    return [Point(place, b, lane) for place, b in enumerate(batches) if about(b)]


def _actions(axes: Axes, batches: Sequence[MonitoredBatch]) -> None:
    for words, colour, marker, hollow, about in _ACTIONS:
        scatter(axes, _points(batches, _ACTION_LANE, about), colour=colour, marker=marker, label=words, hollow=hollow)


def _champions(axes: Axes, history: MonitoringHistory) -> None:
    first = next((b.version for b in history.batches if b.version is not None), None)
    starts = [(0, first), *((mark.before, mark.version) for mark in history.marks), (len(history.batches), None)]
    for turn, ((start, version), (end, _)) in enumerate(pairwise(starts)):
        if version is None or end <= start:
            continue
        colour = (SKY, GRID)[turn % 2]
        axes.barh(_CHAMPION_LANE, end - start, left=start - 0.5, height=0.62, color=colour, alpha=0.8, linewidth=0)
        axes.text(
            (start + end) / 2 - 0.5,
            _CHAMPION_LANE,
            f"v{version}",
            ha="center",
            va="center",
            fontsize=8,
            color=INK,
            clip_on=True,
        )


def _legend(axes: Axes, history: MonitoringHistory) -> None:
    """Name the marks that occur."""
    handles, labels = axes.get_legend_handles_labels()
    shown = [(h, label) for h, label in zip(handles, labels, strict=True) if label]
    kinds = {mark.kind for mark in history.marks}
    shown += [(Line2D([], [], color=c, linestyle=s), words) for kind, (c, s, words) in MARKS.items() if kind in kinds]
    if shown:
        axes.legend(*zip(*shown, strict=True), loc="center left", bbox_to_anchor=(1.005, 0.5), handlelength=1.6)


def _in_words(history: MonitoringHistory) -> str:
    batches = history.batches
    parts = [f"Alarm at batches {numbers(b for b in batches if b.alarmed)}"]
    parts += [
        f"{words}: {numbers(filter(about, batches))}" for words, _, _, _, about in _ACTIONS if any(map(about, batches))
    ]
    parts += [f"version {mark.version} {MARKS[mark.kind][2]} before place {mark.before}" for mark in history.marks]
    return "; ".join(parts)
