"""The picture of how far each watched column of one batch or file is from the reference."""

from collections.abc import Sequence

from markupsafe import Markup
from matplotlib.axes import Axes

from health_predict.monitoring.drift import ColumnDrift
from health_predict.pages.drawing import BLUE, GRID, INK, VERMILLION, WIDE, draw

_ROW_HEIGHT, _FRAME_HEIGHT = 0.21, 0.95  # inches
_NAMED = 5


def deviations(columns: Sequence[ColumnDrift], beyond: Sequence[str], threshold: float | None) -> Markup:
    """Draw the deviation of each column as a point on a stem, one a line in the order given.

    Args:
        beyond: names of the columns that are beyond the threshold.
        threshold: drawn as a dashed line; None if nothing was judged.
    """

    def paint(axes: Axes) -> None:
        for y, column in enumerate(columns):
            axes.plot([0, column.deviation], [y, y], color=GRID, linewidth=2.5, solid_capstyle="butt")
        _points(axes, columns, [c.column not in beyond for c in columns], BLUE, "o", "within")
        _points(axes, columns, [c.column in beyond for c in columns], VERMILLION, "D", "beyond")
        if threshold is not None:
            axes.axvline(threshold, color=INK, linewidth=1, linestyle=(0, (4, 3)), label=f"allowed {threshold:.1f}")
        axes.set_yticks(range(len(columns)), [column.column for column in columns], fontsize=8.5)
        axes.tick_params(axis="y", length=0)
        axes.set(xlabel="standard deviations above what is seen without drift", ylim=(len(columns) - 0.4, -0.6))
        axes.grid(visible=False, axis="y")
        axes.legend(loc="lower right")

    alt = "Deviation of the watched columns in standard deviations, the largest: "
    alt += ", ".join(f"{column.column} {column.deviation:.1f}" for column in columns[:_NAMED])
    return draw(paint, name="deviations", alt=alt, size=(WIDE[0], _FRAME_HEIGHT + _ROW_HEIGHT * len(columns)))


def _points(
    axes: Axes, columns: Sequence[ColumnDrift], chosen: Sequence[bool], colour: str, marker: str, label: str
) -> None:
    places = [y for y, shown in enumerate(chosen) if shown]
    if places:
        values = [columns[y].deviation for y in places]
        axes.plot(values, places, marker, color=colour, markersize=5, label=label)
