"""The horizontal axis that the pictures of the monitoring page share: a place for each batch, and what came between."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from markupsafe import Markup
from matplotlib.axes import Axes

from health_predict.monitoring.champion_line import MarkKind
from health_predict.monitoring.history import MonitoringHistory
from health_predict.monitoring.monitored_batch import MonitoredBatch
from health_predict.pages.drawing import BLACK, BLUE, GREEN, INK, MUTED, PURPLE, YELLOW, draw

FULL_WIDTH, SIDES = 11.7, (1.8, 1.6)  # inches
_MOST_TICKS = 20
_SMALL = 8  # points

# colour, line and words; told apart without colour, too
MARKS: dict[MarkKind, tuple[str, Literal["-", "--", ":", "-."], str]] = {
    "retrained": (GREEN, "-", "retrained"),
    "recalibrated": (BLUE, "--", "recalibrated"),
    "promotion": (BLACK, ":", "trained anew"),
    "rollback": (PURPLE, "-.", "rolled back"),
    "by hand": (MUTED, ":", "by hand"),
}


@dataclass(frozen=True)
class Point:
    """A value of the batch at a place from 0 on."""

    place: int
    batch: MonitoredBatch
    value: float


def anchor(batch: MonitoredBatch) -> str:
    """Name the row of a batch in the page's table, where the links to its reports and runs are."""
    return f"batch-{batch.number}"


def points(history: MonitoringHistory, value: Callable[[MonitoredBatch], float | None]) -> list[Point]:
    """Return a figure of every batch that has it."""
    found = ((place, batch, value(batch)) for place, batch in enumerate(history.batches))
    return [Point(place, batch, v) for place, batch, v in found if v is not None]


def scatter(axes: Axes, shown: Sequence[Point], *, colour: str, marker: str, label: str, hollow: bool = False) -> None:
    """Draw points that are linked to the rows of their batches."""
    if not shown:
        return
    drawn = axes.scatter([p.place for p in shown], [p.value for p in shown], s=22, marker=marker, label=label)
    drawn.set(zorder=3, clip_on=False)
    drawn.set_edgecolor(colour)
    drawn.set_facecolor("white" if hollow else colour)
    drawn.set_urls([f"#{anchor(p.batch)}" for p in shown])


def strip(
    history: MonitoringHistory,
    paint: Callable[[Axes], None],
    *,
    name: str,
    alt: str,
    height: float,
    ylabel: str = "",
    filled: bool = True,
) -> Markup:
    """Draw a picture along the batches, with changes of champion as lines and injected shifts as bands.

    Args:
        ylabel: set horizontally on the left, with line breaks as given.
        filled: whether bands are coloured, and not only framed, as where colours mean something else.
    """

    def painted(axes: Axes) -> None:
        paint(axes)
        _bands(axes, history.batches, filled=filled)
        _changes(axes, history)
        axes.set_xlim(-0.6, max(len(history.batches), 2) - 0.4)
        axes.grid(visible=False, axis="x")
        _ticks(axes, history.batches)
        axes.set_ylabel(ylabel, rotation=0, ha="right", va="center", linespacing=1.3)

    return draw(painted, name=name, alt=alt, size=(FULL_WIDTH, height), sides=SIDES)


def legend_beside(axes: Axes) -> None:
    """Set the legend right of the axes, if anything is drawn."""
    if axes.get_legend_handles_labels()[1]:
        axes.legend(loc="center left", bbox_to_anchor=(1.005, 0.5), handlelength=1.6, borderpad=0)


def numbers(batches: Iterable[MonitoredBatch]) -> str:
    """Write the numbers of batches in words, the first dozen of them."""
    found = [str(batch.number) for batch in batches]
    more = f" and {len(found) - 12} more" if len(found) > 12 else ""
    return f"{', '.join(found[:12])}{more}" if found else "none"


def _ticks(axes: Axes, batches: Sequence[MonitoredBatch]) -> None:
    step = -(-len(batches) // _MOST_TICKS) or 1
    axes.set_xticks(range(0, len(batches), step), [str(batch.number) for batch in batches[::step]])
    axes.annotate(
        "batch",
        (0, 0),
        xycoords="axes fraction",
        xytext=(-8, -13),
        textcoords="offset points",
        ha="right",
        va="center",
    )


def _bands(axes: Axes, batches: Sequence[MonitoredBatch], *, filled: bool) -> None:
    for shift, members in groupby(enumerate(batches), key=lambda item: item[1].shift):
        if shift is None:
            continue
        places = [place for place, _ in members]
        edges = (places[0] - 0.5, places[-1] + 0.5)
        if filled:
            axes.axvspan(*edges, facecolor=YELLOW, alpha=0.45, linewidth=0, zorder=0)
        else:
            axes.axvspan(*edges, facecolor="none", edgecolor=BLACK, linewidth=1.4, zorder=2)
        axes.annotate(
            f"injected: {shift}",
            ((places[0] + places[-1]) / 2, 1),
            xycoords=axes.get_xaxis_transform(),
            xytext=(0, 13),
            textcoords="offset points",
            ha="center",
            fontsize=_SMALL,
            bbox={"facecolor": YELLOW, "edgecolor": "none", "alpha": 0.6, "pad": 1.5},
        )


def _changes(axes: Axes, history: MonitoringHistory) -> None:
    for before, marks in groupby(history.marks, key=lambda mark: mark.before):
        last = list(marks)[-1]
        colour, line, _ = MARKS[last.kind]
        axes.axvline(before - 0.5, color=colour, linestyle=line, linewidth=1.1, zorder=1)
        axes.text(
            before - 0.5,
            1.01,
            f"v{last.version}" if last.version else "none",
            transform=axes.get_xaxis_transform(),
            ha="center",
            va="bottom",
            fontsize=_SMALL,
            color=INK,
        )
