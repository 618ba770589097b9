"""The plots of a scored model: ROC, precision and recall, score histogram, decision curve, reliability."""

from collections.abc import Sequence

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes

from health_predict.pages.curves import Histogram, OperatingPoints, ReliabilityBin
from health_predict.pages.drawing import BLUE, INK, MUTED, VERMILLION, draw, percentages

_DASHED, _DOTTED = (0, (5, 3)), (0, (1, 2))
_FLOOR = 0.25  # how far below zero a decision curve is shown, in units of the prevalence


def roc(points: OperatingPoints, threshold: float, *, alt: str) -> Markup:
    """Draw sensitivity against false positive rate, with the decision threshold marked."""
    at = _nearest(points, threshold)

    def paint(axes: Axes) -> None:
        axes.plot([0, 1], [0, 1], color=MUTED, linestyle=_DASHED, linewidth=1.2, label="chance")
        axes.plot([*points.false_positive_rate, 0], [*points.sensitivity, 0], color=BLUE, label="model")
        _mark(axes, points.false_positive_rate[at], points.sensitivity[at], threshold)
        axes.set(xlabel="false positive rate", ylabel="sensitivity", xlim=(-0.01, 1.01), ylim=(-0.01, 1.01))
        _in_percent(axes)
        axes.legend(loc="lower right")

    return draw(paint, name="roc", alt=alt)


def precision_recall(points: OperatingPoints, threshold: float, *, alt: str) -> Markup:
    """Draw precision against recall, with the prevalence as the line of a useless model."""
    at = _nearest(points, threshold)

    def paint(axes: Axes) -> None:
        label = f"prevalence {100 * points.prevalence:.1f} %"
        axes.axhline(points.prevalence, color=MUTED, linestyle=_DASHED, linewidth=1.2, label=label)
        axes.plot(points.sensitivity, points.precision, color=BLUE, label="model")
        _mark(axes, points.sensitivity[at], points.precision[at], threshold)
        axes.set(xlabel="recall (sensitivity)", ylabel="precision", xlim=(-0.01, 1.01), ylim=(0, 1.01))
        _in_percent(axes)
        axes.legend(loc="upper right")

    return draw(paint, name="precision-recall", alt=alt)


def _nearest(points: OperatingPoints, threshold: float) -> int:
    return int(np.abs(points.threshold - threshold).argmin())


def _mark(axes: Axes, x: float, y: float, threshold: float) -> None:
    axes.plot([x], [y], "D", color=VERMILLION, markersize=7, label=f"at threshold {threshold:.2f}")


def _in_percent(axes: Axes) -> None:
    axes.xaxis.set_major_formatter(percentages())
    axes.yaxis.set_major_formatter(percentages())


def score_histogram(
    positive: Histogram, negative: Histogram, threshold: float, *, positive_label: str, alt: str
) -> Markup:
    """Draw how the probabilities of the two outcomes are spread."""

    def paint(axes: Axes) -> None:
        for spread, colour, style, label in (
            (negative, BLUE, "-", f"not {positive_label}"),
            (positive, VERMILLION, _DASHED, positive_label),
        ):
            axes.stairs(spread.density, spread.edges, fill=True, color=colour, alpha=0.18)
            axes.stairs(spread.density, spread.edges, color=colour, linestyle=style, linewidth=1.6, label=label)
        axes.axvline(threshold, color=INK, linestyle=_DOTTED, label=f"threshold {threshold:.2f}")
        highest = max(*positive.density, *negative.density)
        axes.set(xlabel="predicted probability", ylabel="density", ylim=(0, 1.35 * highest))  # room for the legend
        axes.xaxis.set_major_formatter(percentages())
        axes.legend(loc="upper right")

    return draw(paint, name="score-histogram", alt=alt)


def decision_curve(points: OperatingPoints, threshold: float, *, alt: str) -> Markup:
    """Draw the net benefit of acting on the model, on everyone and on nobody."""

    def paint(axes: Axes) -> None:
        axes.axhline(0, color=INK, linestyle=_DOTTED, label="treat nobody")
        axes.plot(
            points.threshold, points.benefit_of_everyone, color=VERMILLION, linestyle=_DASHED, label="treat everyone"
        )
        axes.plot(points.threshold, points.benefit, color=BLUE, label="treat by the model")
        axes.axvline(threshold, color=MUTED, linewidth=1, label=f"threshold {threshold:.2f}")
        axes.set(xlabel="threshold probability", ylabel="net benefit per encounter")
        axes.set(xlim=(0, None), ylim=(-_FLOOR * points.prevalence, 1.08 * points.prevalence))
        axes.xaxis.set_major_formatter(percentages())
        axes.legend(loc="best")

    return draw(paint, name="decision-curve", alt=alt)


def reliability_curve(bins: Sequence[ReliabilityBin], limits: tuple[float, float], *, name: str, alt: str) -> Markup:
    """Draw observed rate against mean prediction per quantile bin, with the interval of each."""

    def paint(axes: Axes) -> None:
        axes.plot(limits, limits, color=MUTED, linestyle=_DASHED, linewidth=1.2, label="observed = predicted")
        for b in bins:
            axes.plot([b.predicted] * 2, [b.observed.share.low, b.observed.share.high], color=BLUE, linewidth=1.4)
        observed = [b.observed.share.value for b in bins]
        axes.plot([b.predicted for b in bins], observed, "o", color=BLUE, markersize=5, label="bin, with 95 % interval")
        axes.set(xlabel="mean predicted probability", ylabel="observed rate", xlim=limits, ylim=limits)
        _in_percent(axes)
        axes.legend(loc="best")  # above the line where the model overestimates, below it where it underestimates

    return draw(paint, name=name, alt=alt)
