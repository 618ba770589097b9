"""The calibration page: whether 30 of 100 encounters with a probability of 30 % are readmitted, before and after."""

from markupsafe import Markup

from health_predict.evaluation import Evaluation, Interval
from health_predict.pages.curves import Floats, ReliabilityBin, reliability
from health_predict.pages.evaluation import SCORES
from health_predict.pages.frame import (
    Figure,
    Section,
    Table,
    Text,
    number_interval,
    percent,
    percent_interval,
    render,
    said,
)
from health_predict.pages.plots import reliability_curve
from health_predict.pages.report import EvaluationReport
from health_predict.target import MEANING

_MEASURES = ("calibration_slope", "calibration_intercept", "ece", "brier")
_HOW_TO_READ = (
    "Each dot holds about a fifteenth of the test encounters, those with neighbouring predictions. On the dashed line "
    "the predicted and the observed rate agree; above it the model underestimates the risk, below it overestimates it. "
    "An interval that touches the line is no evidence against the model.",
    "The slope tells the spread: below 1 the predictions are too extreme, above 1 too timid. With a slope near 1 the "
    "intercept tells the level: above 0 the risk is underestimated, below 0 overestimated. The calibration error is "
    "the mean distance of the dots from the line; chance alone keeps it above 0, at about .03 for a perfect model on "
    "3,000 encounters of which half are positive, and lower if few are.",
    "Calibration maps the raw score by a slope and an intercept fitted on out-of-fold scores (Cox 1958). It keeps the "
    "order of the patients, so that AUROC is the same before and after.",
)


def calibration_page(report: EvaluationReport) -> str:
    """Write the calibration page as one self-contained HTML string."""
    target = MEANING[report.facts.target]
    lead = f"Whether the predicted probabilities of being {target} can be taken at their word, on test patients."
    facts = [*report.head, ("target", target)]
    sections = (_curves(report), _reading(), _bins(report))
    return render("Calibration", sections, report.facts.provenance, lead=lead, facts=facts)


def _curves(report: EvaluationReport) -> Section:
    before, after = _of(report, report.scored.raw), _of(report, report.scored.probability)
    limits = _limits((*before, *after))
    return Section(
        "Before and after",
        _verdict(report.test),
        (
            _figure("Raw score", "before", before, limits),
            _figure("Calibrated probability", "after", after, limits),
            _measures(report),
        ),
    )


def _of(report: EvaluationReport, probability: Floats) -> tuple[ReliabilityBin, ...]:
    return reliability(report.scored.y, probability, report.scored.patients)


def _limits(bins: tuple[ReliabilityBin, ...]) -> tuple[float, float]:
    values = [value for b in bins for value in (b.predicted, b.observed.share.low, b.observed.share.high)]
    return max(0.0, min(values) - 0.03), min(1.0, max(values) + 0.03)


def _verdict(test: Evaluation) -> str:
    slope, intercept = test.calibration_slope, test.calibration_intercept
    return f"After calibration the {_ideal('slope', slope, 1)}; the {_ideal('intercept', intercept, 0)}."


def _ideal(name: str, value: Interval, ideal: float) -> str:
    verdict = "contains" if value.low <= ideal <= value.high else "does not contain"
    return f"{name} is {number_interval(value)}, which {verdict} {ideal:g}"


def _figure(title: str, name: str, bins: tuple[ReliabilityBin, ...], limits: tuple[float, float]) -> Figure:
    alt = "; ".join(f"predicted {percent(b.predicted)}, observed {percent_interval(b.observed.share)}" for b in bins)
    svg: Markup = reliability_curve(
        bins, limits, name=f"reliability-{name}", alt=f"Reliability of the {title.lower()}: {alt}"
    )
    off = sum(not b.observed.share.low <= b.predicted <= b.observed.share.high for b in bins)
    return Figure(
        f"{title}: predicted and observed", svg, f"In {off} of {len(bins)} bins the interval misses the line."
    )


def _measures(report: EvaluationReport) -> Table:
    before, after = report.uncalibrated.metrics, report.test.metrics
    rows = tuple(
        (said(*SCORES[name]), number_interval(before[name]), number_interval(after[name])) for name in _MEASURES
    )
    return Table("On test, with 95 % intervals", ("measure, and what it says", "raw score", "calibrated"), rows)


def _reading() -> Section:
    return Section("How to read it", "Dots, slope, intercept and error.", (Text(_HOW_TO_READ),))


def _bins(report: EvaluationReport) -> Section:
    rows = tuple(
        (
            b.observed.label,
            f"{b.observed.rows:,}",
            f"{b.observed.patients:,}",
            percent(b.predicted),
            percent_interval(b.observed.share),
        )
        for b in _of(report, report.scored.probability)
    )
    header = ("bin", "encounters", "patients", "mean prediction", "observed rate")
    return Section("Bins", "The dots of the calibrated probability.", (Table("In numbers", header, rows, folded=True),))
