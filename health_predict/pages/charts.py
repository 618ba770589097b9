"""The charts that more than one page draws: forest, bars, columns and shares along the arrival order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from health_predict.evaluation import Interval
from health_predict.pages.drawing import BLUE, INK, MUTED, SMALL, WIDE, draw, percentages
from health_predict.rates import Rate

_ROW_HEIGHT, _FRAME_HEIGHT = 0.25, 0.95  # inches
_LABEL_ROOM = 33  # letters that find room below a small picture, one between two labels


@dataclass(frozen=True)
class Row:
    """One line of a forest plot; without rows it is a heading, without value nothing is drawn in it."""

    label: str
    rows: int = 0
    value: Interval | None = None


@dataclass(frozen=True)
class Bar:
    """One bar; `note` stands at its end, `kind` is told by the colour."""

    label: str
    length: float
    kind: str
    note: str


def rate_rows(rates: Sequence[Rate]) -> list[Row]:
    """Turn rates into lines of a forest plot."""
    return [Row(rate.label, rate.rows, rate.share) for rate in rates]


def forest(
    rows: Sequence[Row],
    *,
    name: str,
    alt: str,
    axis: str,
    line: float,
    line_label: str,
    limits: tuple[float, float] | None = None,
    as_percentages: bool = True,
) -> Markup:
    """Draw estimates with their intervals, one a line, and a dashed line for comparison.

    Args:
        axis: label of the horizontal axis.
        limits: of the horizontal axis, so that several plots can be compared.
        as_percentages: values are 0..1 and shown as percentages.
    """

    def paint(axes: Axes) -> None:
        _estimates(axes, rows)
        _side_labels(axes, rows)
        axes.axvline(line, color=INK, linewidth=1, linestyle=(0, (4, 3)))
        axes.set_xlabel(axis)
        axes.set_ylim(len(rows) - 0.4, -0.6)
        axes.grid(visible=False, axis="y")
        axes.set_xlim(limits)
        axes.xaxis.set_major_locator(MaxNLocator(5))
        _line_label(axes, line, line_label)
        if as_percentages:
            axes.xaxis.set_major_formatter(percentages())

    return draw(paint, name=name, alt=alt, size=(WIDE[0], _FRAME_HEIGHT + _ROW_HEIGHT * len(rows)))


def _line_label(axes: Axes, line: float, label: str) -> None:
    """Write above the line; near the right end to its left, where the sizes have their heading."""
    low, high = axes.get_xlim()
    room = low + 0.78 * (high - low)
    side: Literal["center", "right"] = "right" if line > room else "center"
    place = min(line, low + 0.88 * (high - low))
    axes.text(place, 1.01, label, transform=axes.get_xaxis_transform(), ha=side, va="bottom", fontsize=8.5)


def _estimates(axes: Axes, rows: Sequence[Row]) -> None:
    known = [(y, row.value) for y, row in enumerate(rows) if row.value is not None]
    for y, value in known:
        axes.plot([value.low, value.high], [y, y], color=BLUE, solid_capstyle="butt")
    axes.plot([value.value for _, value in known], [y for y, _ in known], "o", color=BLUE, markersize=5)


def _side_labels(axes: Axes, rows: Sequence[Row]) -> None:
    """Name the lines on the left and set their sizes on the right; headings are bold."""
    axes.set_yticks(range(len(rows)), [row.label for row in rows])
    axes.tick_params(axis="y", length=0)
    side = axes.get_yaxis_transform()
    for y, (row, tick) in enumerate(zip(rows, axes.get_yticklabels(), strict=True)):
        if row.rows == 0:
            tick.set_fontweight("bold")
            continue
        if row.value is None:
            axes.text(0.02, y, "too few to say", transform=side, va="center", fontsize=8.5, color=MUTED)
        axes.text(1.11, y, f"{row.rows:,}", transform=side, ha="right", va="center", fontsize=8.5, color=MUTED)
    axes.text(1.11, 1.01, "encounters", transform=axes.transAxes, ha="right", va="bottom", fontsize=8.5, color=MUTED)


def bars(lines: Sequence[Bar], colours: Mapping[str, str], *, name: str, alt: str, axis: str) -> Markup:
    """Draw shares 0..1 as horizontal bars, each with its note at the end; `colours` is by kind, in legend order."""

    def paint(axes: Axes) -> None:
        for kind, colour in colours.items():
            places = [y for y, line in enumerate(lines) if line.kind == kind]
            axes.barh(
                places,
                [lines[y].length for y in places],
                color=colour,
                edgecolor=INK,
                linewidth=0.6,
                height=0.7,
                label=kind,
            )
        axes.legend(loc="lower right")
        for y, line in enumerate(lines):
            axes.text(line.length + 0.01, y, line.note, va="center", fontsize=8.5)
        axes.set_yticks(range(len(lines)), [line.label for line in lines])
        axes.tick_params(axis="y", length=0)
        axes.set(xlabel=axis, xlim=(0, 1.2), ylim=(len(lines) - 0.4, -0.6))
        axes.set_xticks(np.linspace(0, 1, 6))
        axes.xaxis.set_major_formatter(percentages())
        axes.grid(visible=False, axis="y")

    return draw(paint, name=name, alt=alt, size=(WIDE[0], _FRAME_HEIGHT + _ROW_HEIGHT * len(lines)))


def columns(rates: Sequence[Rate], *, name: str, alt: str, axis: str) -> Markup:
    """Draw how the encounters are spread over groups in their order, as small columns."""
    total = sum(rate.rows for rate in rates)

    def paint(axes: Axes) -> None:
        axes.bar(range(len(rates)), [rate.rows / total for rate in rates], color=BLUE, width=0.85)
        _label_columns(axes, rates)
        axes.set(xlabel=axis, ylabel="encounters")
        axes.yaxis.set_major_formatter(percentages())
        axes.grid(visible=False, axis="x")

    return draw(paint, name=name, alt=alt, size=SMALL)


def along(rates: Sequence[Rate], *, name: str, alt: str, axis: str, ylabel: str) -> Markup:
    """Draw a share with its band of intervals along ordered groups."""
    places = np.arange(len(rates))

    def paint(axes: Axes) -> None:
        low, high = [rate.share.low for rate in rates], [rate.share.high for rate in rates]
        axes.fill_between(places, low, high, color=BLUE, alpha=0.2, linewidth=0)
        axes.plot(places, [rate.share.value for rate in rates], "o-", color=BLUE, markersize=4)
        _label_columns(axes, rates)
        axes.set(xlabel=axis, ylabel=ylabel, ylim=(0, max(0.05, 1.15 * max(high))))
        axes.yaxis.set_major_formatter(percentages())

    return draw(paint, name=name, alt=alt, size=SMALL)


def _label_columns(axes: Axes, rates: Sequence[Rate]) -> None:
    most = min(7, int(_LABEL_ROOM / (max(len(rate.label) for rate in rates) + 1.5)))
    step = -(-len(rates) // most)
    axes.set_xticks(range(0, len(rates), step), [rate.label for rate in rates[::step]])
