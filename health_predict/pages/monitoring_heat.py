"""The heat map of the monitoring page: how far each watched column of each batch is from the reference."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.legend_handler import HandlerTuple
from matplotlib.patches import Patch

from health_predict.monitoring.history import MonitoringHistory
from health_predict.monitoring.monitored_batch import MonitoredBatch
from health_predict.pages.drawing import INK, MUTED
from health_predict.pages.frame import Figure
from health_predict.pages.monitoring_strip import numbers, strip

Floats = npt.NDArray[np.float64]

_ROW_HEIGHT, _FRAME_HEIGHT = 0.185, 0.75  # inches
_NAMED = 5
# upper ends in standard deviations; within the threshold of its batch a cell is blue, beyond it orange to brown
_STEPS = (1.0, 2.0, 4.0, 8.0, 16.0, np.inf)
_WITHIN = ("#F7FBFF", "#E1EDF8", "#C6DCEF", "#A3CBE5", "#7FB8DA", "#5FA6D1")
_BEYOND = ("#FEE3B8", "#FDD08F", "#FBB55F", "#F08A2C", "#C4570B", "#7A3103")
_UNKNOWN = "#DDDDDD"
_READING = (
    "Standard deviations above what batches of that size show without drift, against the reference of the champion "
    "of that time: a new champion brings a new reference, so colours fade where it has learnt the change. "
    "A dot and warm colours: beyond the threshold of the batch. On the right the largest deviation and, in brackets, "
    "in how many batches the column is beyond. Grey: not judged."
)


def heat_figure(history: MonitoringHistory) -> Figure:
    """Show the standardised deviation of every watched column, the largest at the top."""
    columns, deviation = _matrix(history.batches)
    beyond = deviation > np.array([_threshold(batch) for batch in history.batches])  # false where either is unknown

    def paint(axes: Axes) -> None:
        axes.imshow(_colours(deviation, beyond), interpolation="none", aspect="auto", origin="upper")
        rows, places = np.nonzero(beyond)
        axes.plot(places, rows, ".", color=INK, markersize=3)
        axes.set_yticks(range(len(columns)), columns, fontsize=8.5)
        axes.tick_params(axis="y", length=0)
        axes.set_ylim(len(columns) - 0.5, -0.5)
        axes.grid(visible=False)
        _side(axes, _labels(columns, deviation, beyond))
        _legend(axes)

    alt, height = _in_words(history, columns, deviation), _FRAME_HEIGHT + _ROW_HEIGHT * max(len(columns), 3)
    svg = strip(history, paint, name="monitored-columns", alt=alt, height=height, filled=False)
    return Figure("Which columns drift", svg, _READING, wide=True)


def _matrix(batches: Sequence[MonitoredBatch]) -> tuple[list[str], Floats]:
    """Return column names, the largest deviation first, and (columns, batches) deviations, NaN where unknown."""
    found = [{c.column: c.deviation for c in batch.columns} if batch.judged else {} for batch in batches]
    largest: dict[str, float] = {}
    for deviations in found:
        for column, value in deviations.items():
            largest[column] = max(value, largest.get(column, value))
    columns = sorted(largest, key=lambda column: (-largest[column], column))
    cells = [[deviations.get(column, np.nan) for deviations in found] for column in columns]
    return columns, np.array(cells, dtype=np.float64).reshape(len(columns), len(batches))


def _threshold(batch: MonitoredBatch) -> float:
    alarm = batch.alarm("column")
    return alarm.threshold if alarm else np.nan


def _colours(deviation: Floats, beyond: npt.NDArray[np.bool_]) -> Floats:
    """Return (columns, batches, 3) colours."""
    step = np.searchsorted(_STEPS[:-1], np.nan_to_num(deviation), side="right")
    within, warm = (np.array([to_rgb(c) for c in ramp]) for ramp in (_WITHIN, _BEYOND))
    colours: Floats = np.where(beyond[..., None], warm[step], within[step])
    colours[np.isnan(deviation)] = to_rgb(_UNKNOWN)
    return colours


def _labels(columns: Sequence[str], deviation: Floats, beyond: npt.NDArray[np.bool_]) -> list[str]:
    return [f"{np.nanmax(deviation[i]):.1f} ({int(beyond[i].sum())})" for i in range(len(columns))]


def _side(axes: Axes, labels: Sequence[str]) -> None:
    side = axes.get_yaxis_transform()
    for row, label in enumerate(labels):
        axes.text(1.008, row, label, transform=side, va="center", fontsize=8, color=MUTED)


def _legend(axes: Axes) -> None:
    """Set a pair of colours a line beside the labels: within the threshold, and beyond it."""
    pairs = [
        tuple(Patch(facecolor=colour, edgecolor=MUTED, linewidth=0.4) for colour in pair)
        for pair in zip(_WITHIN, _BEYOND, strict=True)
    ]
    axes.legend(
        pairs,
        ("under 1", "1 to 2", "2 to 4", "4 to 8", "8 to 16", "over 16"),
        handler_map={tuple: HandlerTuple(ndivide=None, pad=0)},
        title="sd",
        loc="upper left",
        bbox_to_anchor=(1.075, 1),
        fontsize=8,
        handlelength=2.2,
        borderpad=0,
    )


def _in_words(history: MonitoringHistory, columns: Sequence[str], deviation: Floats) -> str:
    shown = zip(columns[:_NAMED], deviation[:_NAMED], strict=True)
    largest = ", ".join(f"{column} {np.nanmax(values):.1f}" for column, values in shown)
    judged = numbers(batch for batch in history.batches if batch.judged)
    found = f"Deviation of {len(columns)} columns in standard deviations, batches {judged}"
    return f"{found}; the largest: {largest or 'none'}"
