"""The section of the evaluation page that shows for whom the model works."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from markupsafe import Markup

from health_predict.evaluation import Interval
from health_predict.pages.charts import Row, forest
from health_predict.pages.frame import Figure, Section, Table, Text, number_interval, percent, percent_interval
from health_predict.pages.report import EvaluationReport
from health_predict.privacy import POOLED
from health_predict.slices import ToldSlice

_ABOUT_SLICES = (
    "A group whose interval crosses the dashed line cannot be told from the whole; a wide interval means few patients, "
    "not a bad model.",
    "With this many groups about one interval in twenty misses the line by chance.",
    "No figure is given that fewer than 11 positives stand behind (but for the miss rate, also negatives).",
)
_TOO_FEW = "too few"


def slices_section(report: EvaluationReport) -> Section:
    """Show AUROC, miss rate and calibration gap of each slice as forest plots and as a table."""
    test, scored, slices = report.test, report.scored, sorted(report.slices, key=_place)
    missed = float((scored.probability[scored.y == 1] < test.threshold).mean())
    auroc, miss_rate, gap = (_SliceMeasure(name) for name in ("auroc", "miss_rate", "calibration_gap"))
    figures = (
        Figure(
            "AUROC by group",
            auroc.forest(slices, "AUROC", test.auroc.value, f"all {test.auroc.value:.3f}"),
            "Left of the line the model ranks worse than overall.",
        ),
        Figure(
            "Miss rate by group",
            miss_rate.forest(slices, "positives below the threshold", missed, f"all {percent(missed)}"),
            "Right of the line positives are missed more often than overall.",
        ),
        Figure(
            "Calibration gap by group",
            gap.forest(slices, "observed rate minus mean prediction", 0.0, "none"),
            "Right of the line the risk is underestimated, left of it overestimated.",
        ),
    )
    rows = tuple(
        (
            s.column,
            s.group,
            f"{s.rows:,}",
            f"{s.patients:,}",
            _TOO_FEW if s.positive_rate is None else percent(s.positive_rate),
            percent(s.mean_probability),
            *(measure.text(s) for measure in (auroc, miss_rate, gap)),
        )
        for s in slices
    )
    header = ("of", "group", "encounters", "patients", "observed", "predicted", "AUROC", "miss rate", "calibration gap")
    table = Table("In numbers", header, rows, texts=(0, 1), folded=True)
    return Section(
        "For whom it works",
        "On test, by race, gender and age as recorded.",
        (*figures, Text(_ABOUT_SLICES, abreast=True), table),
    )


def _place(s: ToldSlice) -> tuple[int, bool, bool, str]:
    """Keep the columns in their order, "<40" before the other ages, and the pool last."""
    return ("race", "gender", "age").index(s.column), s.group == POOLED, not s.group.startswith("<"), s.group


@dataclass(frozen=True)
class _SliceMeasure:
    """One measure of the slices: which it is, and how it is shown."""

    name: Literal["auroc", "miss_rate", "calibration_gap"]

    def of(self, s: ToldSlice) -> Interval | None:
        value: Interval | None = getattr(s, self.name)
        return value

    def text(self, s: ToldSlice) -> str:
        value = self.of(s)
        if value is None:
            return _TOO_FEW
        return number_interval(value) if self.name == "auroc" else percent_interval(value)

    def forest(self, slices: Sequence[ToldSlice], axis: str, line: float, line_label: str) -> Markup:
        rows: list[Row] = []
        for column, members in groupby(slices, key=lambda s: s.column):
            rows += [Row(column), *(Row(s.group, s.rows, self.of(s)) for s in members)]
        return forest(
            rows,
            name=f"slices-{self.name}",
            alt=f"{axis} by group: " + "; ".join(f"{s.column} {s.group} {self.text(s)}" for s in slices),
            axis=axis,
            line=line,
            line_label=line_label,
            as_percentages=self.name != "auroc",
        )
