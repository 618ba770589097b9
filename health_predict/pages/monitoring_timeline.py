"""The timelines of the monitoring page: scores, discrimination, calibration, drift statistics."""

from collections.abc import Callable, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.ticker import LogLocator

from health_predict.monitoring.decision import Alarm, AlarmName
from health_predict.monitoring.history import MonitoringHistory
from health_predict.monitoring.monitored_batch import MonitoredBatch, Realised
from health_predict.pages.drawing import BLUE, INK, MUTED, VERMILLION, percentages
from health_predict.pages.frame import Figure
from health_predict.pages.monitoring_strip import Point, legend_beside, numbers, points, scatter, strip

_HEIGHT = 2.3  # inches
_DASHED, _DOTTED = (0, (5, 3)), (0, (1, 2))
_SPREAD = 4  # a statistic that exceeds its threshold so many times over is shown on a logarithmic axis

_ABOUT_AUROC = (
    "Expected: what the scores promised on arrival, were they calibrated. Realised: of the champion that was there "
    "when the labels matured. Reference: out of fold on the encounters it was trained on."
)


def scores_figure(history: MonitoringHistory) -> Figure:
    """Show the mean score on arrival, and the observed rate where labels have matured."""
    given = points(history, lambda b: b.mean_score)
    observed = points(history, lambda b: b.realised.observed if b.realised else None)

    def paint(axes: Axes) -> None:
        _line(axes, given, BLUE, "-")
        _line(axes, observed, VERMILLION, _DASHED)
        scatter(axes, given, colour=BLUE, marker="o", label="mean score")
        scatter(axes, observed, colour=VERMILLION, marker="D", label="observed rate")
        axes.yaxis.set_major_formatter(percentages())
        legend_beside(axes)

    alt = f"Mean score on arrival {_range(given, _percent)}; observed rate {_range(observed, _percent)}"
    reading = (
        "The score is what the champion of that time gave on arrival, before any label; "
        "the observed rate follows once labels have matured."
    )
    svg = strip(history, paint, name="monitored-scores", alt=alt, height=_HEIGHT, ylabel="share\nreadmitted")
    return Figure("Mean score and observed rate", svg, reading, wide=True)


def auroc_figure(history: MonitoringHistory) -> Figure:
    """Show the realised AUROC with its interval, what was expected, and the reference with its limit."""
    expected = points(history, lambda b: b.expected_auroc)
    realised = points(history, lambda b: b.realised.auroc.value if b.realised and b.realised.auroc else None)
    raised = [p for p in realised if _raised(_realised(p).auroc_loss)]

    def paint(axes: Axes) -> None:
        reference = points(history, lambda b: b.realised.reference_auroc if b.realised else None)
        _steps(axes, reference, INK, _DASHED, "reference")
        _steps(axes, points(history, _lowest_auroc), VERMILLION, _DOTTED, "alarm below")
        _intervals(axes, realised)
        scatter(axes, expected, colour=MUTED, marker="_", label="expected")
        scatter(axes, [p for p in realised if p not in raised], colour=BLUE, marker="o", label="realised, 95 %")
        scatter(axes, raised, colour=VERMILLION, marker="D", label="realised, alarm")
        legend_beside(axes)

    found = f"Realised AUROC {_range(realised, _three)}; expected {_range(expected, _three)}"
    alt = f"{found}; alarm about the labels of batches {numbers(p.batch for p in raised)}"
    svg = strip(history, paint, name="monitored-auroc", alt=alt, height=_HEIGHT, ylabel="AUROC")
    return Figure("AUROC: realised, expected and reference", svg, _ABOUT_AUROC, wide=True)


def calibration_figure(history: MonitoringHistory) -> Figure:
    """Show observed minus predicted rate, and how far from zero it may be without alarm."""
    gaps = points(history, lambda b: b.realised.observed - b.realised.predicted if b.realised else None)
    raised = [p for p in gaps if _raised(_realised(p).calibration)]

    def paint(axes: Axes) -> None:
        axes.axhline(0, color=INK, linewidth=1)
        _band(axes, [(p.place, found) for p in gaps if (found := _allowed_gap(_realised(p))) is not None])
        scatter(axes, [p for p in gaps if p not in raised], colour=BLUE, marker="o", label="no alarm")
        scatter(axes, raised, colour=VERMILLION, marker="D", label="alarm")
        axes.yaxis.set_major_formatter(percentages())
        legend_beside(axes)

    alt = f"Observed minus predicted rate {_range(gaps, _percent)}; alarm about batches " + numbers(
        p.batch for p in raised
    )
    reading = "Above zero more patients were readmitted than predicted, below it fewer."
    svg = strip(
        history, paint, name="monitored-calibration", alt=alt, height=_HEIGHT, ylabel="observed\nminus\npredicted"
    )
    return Figure("Calibration", svg, reading, wide=True)


def drift_figure(history: MonitoringHistory, name: AlarmName, title: str, reading: str, ylabel: str) -> Figure:
    """Show the statistic of an alarm against its threshold."""
    shown = points(history, lambda b: _statistic(b.alarm(name)))
    limits = points(history, lambda b: _threshold(b.alarm(name)))
    raised = [p for p in shown if _raised(p.batch.alarm(name))]

    def paint(axes: Axes) -> None:
        _steps(axes, limits, VERMILLION, _DOTTED, "alarm above")
        scatter(axes, [p for p in shown if p not in raised], colour=BLUE, marker="o", label="no alarm")
        scatter(axes, raised, colour=VERMILLION, marker="D", label="alarm")
        _scale(axes, shown, limits)
        not_judged = [place for place, b in enumerate(history.batches) if not b.judged]
        if not_judged:
            bottom, heights = axes.get_xaxis_transform(), [0.06] * len(not_judged)
            axes.plot(not_judged, heights, "x", color=MUTED, markersize=5, transform=bottom, label="not judged")
        legend_beside(axes)

    alt = f"{title} {_range(shown, _short)}; alarm at batches {numbers(p.batch for p in raised)}"
    svg = strip(history, paint, name=f"monitored-{name}", alt=alt, height=_HEIGHT, ylabel=ylabel)
    return Figure(title, svg, reading, wide=True)


def _scale(axes: Axes, shown: Sequence[Point], limits: Sequence[Point]) -> None:
    values = [p.value for p in (*shown, *limits)]
    if values and min(values) > 0 and max(values) > _SPREAD * max(p.value for p in limits):
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.minorticks_off()
    elif values:
        axes.set_ylim(min(0, *values), 1.08 * max(values))


def _intervals(axes: Axes, realised: Sequence[Point]) -> None:
    known = [(p.place, auroc) for p in realised if (auroc := _realised(p).auroc) is not None]
    lows, highs = [auroc.low for _, auroc in known], [auroc.high for _, auroc in known]
    axes.vlines([place for place, _ in known], lows, highs, color=BLUE, linewidth=1.1, alpha=0.6)


def _band(axes: Axes, allowed: Sequence[tuple[int, float]]) -> None:
    """Shade how far from zero each batch may be."""
    if allowed:
        places, half = zip(*allowed, strict=True)
        corners = [
            [(place + x, y) for x, y in ((-0.5, -h), (-0.5, h), (0.5, h), (0.5, -h))]
            for place, h in zip(places, half, strict=True)
        ]
        axes.add_collection(PolyCollection(corners, facecolor=MUTED, alpha=0.2, linewidth=0, label="no alarm within"))


def _line(axes: Axes, shown: Sequence[Point], colour: str, style: object) -> None:
    axes.plot([p.place for p in shown], [p.value for p in shown], color=colour, linestyle=style, linewidth=1.1)


def _steps(axes: Axes, shown: Sequence[Point], colour: str, style: object, label: str) -> None:
    """Draw a level for each batch, joined where batches follow each other."""
    places = [p.place for p in shown]
    edges = [x for place in places for x in (place - 0.5, place + 0.5)]
    values = [y for p in shown for y in (p.value, p.value)]
    gaps = 2 * (np.flatnonzero(np.diff(places) > 1) + 1)
    axes.plot(
        np.insert(np.array(edges, float), gaps, np.nan),
        np.insert(np.array(values, float), gaps, np.nan),
        color=colour,
        linestyle=style,
        linewidth=1.3,
        label=label,
    )


def _realised(p: Point) -> Realised:
    if p.batch.realised is None:
        raise ValueError(f"batch {p.batch.number} has no matured labels")
    return p.batch.realised


def _lowest_auroc(batch: MonitoredBatch) -> float | None:
    """The AUROC below which there would have been an alarm."""
    found = batch.realised
    if found is None or found.reference_auroc is None or found.auroc_loss is None:
        return None
    return found.reference_auroc - found.auroc_loss.threshold


def _allowed_gap(realised: Realised) -> float | None:
    """How far observed and predicted rate may differ: the threshold in standard deviations, times one of those."""
    if realised.calibration is None or realised.calibration_z == 0:
        return None
    return realised.calibration.threshold * abs((realised.observed - realised.predicted) / realised.calibration_z)


def _statistic(alarm: Alarm | None) -> float | None:
    return alarm.statistic if alarm else None


def _threshold(alarm: Alarm | None) -> float | None:
    return alarm.threshold if alarm else None


def _raised(alarm: Alarm | None) -> bool:
    return alarm is not None and alarm.raised


def _range(shown: Sequence[Point], written: Callable[[float], str]) -> str:
    """Say in words where values lie."""
    if not shown:
        return "not known yet"
    values = [p.value for p in shown]
    return f"from {written(min(values))} to {written(max(values))}, last {written(values[-1])}"


def _percent(value: float) -> str:
    return f"{100 * value:.1f} %"


def _three(value: float) -> str:
    return f"{value:.3f}"


def _short(value: float) -> str:
    return f"{value:.3g}"
