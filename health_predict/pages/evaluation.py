"""The evaluation page: how well one model ranks, what its threshold does, for whom, and what it was chosen from."""

from health_predict.evaluation import Evaluation
from health_predict.pages import plots
from health_predict.pages.curves import WORTHWHILE, Confusion, OperatingPoints, confusion, histogram, operating_points
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
from health_predict.pages.report import EvaluationReport
from health_predict.pages.slices import slices_section
from health_predict.target import MEANING

# name: label and what it says
SCORES: dict[str, tuple[str, str]] = {
    "auroc": ("AUROC", "chance that a positive encounter is ranked above a negative one; .5 is a coin"),
    "auprc": ("AUPRC", "average precision; the prevalence is a coin"),
    "brier": ("Brier score", "mean squared error of the probability; lower is better"),
    "f1": ("F1", "harmonic mean of precision and recall at the threshold"),
    "recall_at_10": ("recall at 10 %", "positives found if the 10 % with the highest probability are alerted"),
    "recall_at_20": ("recall at 20 %", "the same for 20 %"),
    "ece": ("calibration error", "mean distance of observed and predicted rate over 15 bins; lower is better"),
    "calibration_slope": ("calibration slope", "1 if the spread of the probabilities is right"),
    "calibration_intercept": ("calibration intercept", "0 if their level is right"),
}
_TOO_FEW = (
    "What concerns single outcomes is left out: of the four counts at the threshold one holds under 11 patients.",
)


def evaluation_page(report: EvaluationReport) -> str:
    """Write the evaluation page as one self-contained HTML string."""
    scored, threshold = report.scored, report.test.threshold
    points = operating_points(scored.y, scored.probability, scored.patients)
    sections = (
        _scores(report),
        _ranking(report, points),
        _decisions(report, points, confusion(scored.y, scored.probability, scored.patients, threshold)),
        slices_section(report),
        _candidates(report),
    )
    target = MEANING[report.facts.target]
    lead = f"How well the model predicts who is {target}. Test patients had no part in its fit, choice or calibration."
    facts = [*report.head, ("target", target)]
    return render("Evaluation", sections, report.facts.provenance, lead=lead, facts=facts)


def _scores(report: EvaluationReport) -> Section:
    parts = (report.validation, report.test)
    rows = [
        ("encounters", *(f"{part.rows:,}" for part in parts)),
        ("patients", *(f"{part.patients:,}" for part in parts)),
        (said("positives", MEANING[report.facts.target]), *(_positives(part) for part in parts)),
        *(
            (said(label, says), *(number_interval(part.metrics[name]) for part in parts))
            for name, (label, says) in SCORES.items()
        ),
    ]
    table = Table(
        "Scores with 95 % intervals",
        ("score, and what it says", "validation, out of fold", "test"),
        tuple(rows),
        note="Out of fold: every train or validation encounter is scored by a model that saw nothing of its patient. "
        "The model was chosen on these, so they flatter it a little; the test column does not.",
        strong=(3,),
    )
    return Section("Scores", _headline(report.test), (table,))


def _positives(part: Evaluation) -> str:
    return f"{part.positives:,} ({percent(part.positives / part.rows)})"


def _headline(test: Evaluation) -> str:
    auroc, error = number_interval(test.auroc), number_interval(test.ece)
    return f"AUROC on test {auroc}, calibration error {error}, decision threshold {test.threshold:.3f}."


def _ranking(report: EvaluationReport, points: OperatingPoints) -> Section:
    threshold, prevalence = report.test.threshold, percent(points.prevalence)
    auroc, precision = number_interval(report.test.auroc), number_interval(report.test.auprc)
    roc = plots.roc(points, threshold, alt=f"ROC curve on test, AUROC {auroc}")
    recall = plots.precision_recall(
        points, threshold, alt=f"Precision against recall on test, average precision {precision}"
    )
    roc_reading = (
        "AUROC is the share of pairs in which a positive test encounter is ranked above a negative one; "
        "the further the curve is from the diagonal, the better."
    )
    recall_reading = f"Alerts at random would be right in {prevalence} of cases, the dashed line."
    return Section(
        "Ranking",
        "On test, at every threshold; the diamond is the threshold that the model decides by.",
        (
            Figure(f"ROC curve, AUROC {auroc}", roc, roc_reading),
            Figure(f"Precision and recall, AUPRC {precision}", recall, recall_reading),
        ),
    )


def _decisions(report: EvaluationReport, points: OperatingPoints, counts: Confusion | None) -> Section:
    threshold = report.test.threshold
    curve = plots.decision_curve(points, threshold, alt=f"Decision curve on test: {_useful(points)}")
    benefit = Figure("Decision curve: is acting on the model worth it?", curve, _useful(points))
    by_outcome = (_spread(report), benefit, *_confusion(counts, threshold)) if counts else (benefit, Text(_TOO_FEW))
    return Section(
        "Decisions", f"On test, at the threshold {threshold:.3f}, which was chosen on out-of-fold scores.", by_outcome
    )


def _spread(report: EvaluationReport) -> Figure:
    scored, label = report.scored, MEANING[report.facts.target]
    positive = scored.y == 1
    svg = plots.score_histogram(
        histogram(scored.probability[positive], scored.patients[positive]),
        histogram(scored.probability[~positive], scored.patients[~positive]),
        report.test.threshold,
        positive_label=label,
        alt=f"Predicted probabilities on test of those {label} and not {label}",
    )
    reading = "The more the two areas overlap, the more mistakes any threshold makes."
    return Figure("Predicted probability by outcome", svg, reading)


def _useful(points: OperatingPoints) -> str:
    gain = f"at least {1000 * WORTHWHILE:.0f} true positives per 1,000 encounters over treating everyone or nobody"
    found = "At no threshold does the model gain"
    if points.useful_range is not None:
        low, high = points.useful_range
        found = f"For thresholds from {percent(low)} to {percent(high)} the model gains"
    return (
        f"{found} {gain}. Net benefit: true positives less false positives weighted by the odds of the threshold, "
        "which is the risk at which one would act (Vickers and Elkin 2006)."
    )


def _confusion(counts: Confusion, threshold: float) -> tuple[Table, Table]:
    table = Table(
        f"Predictions at the threshold {threshold:.3f}",
        ("", "outcome positive", "outcome negative"),
        (
            ("predicted positive", f"{counts.true_positives:,}", f"{counts.false_positives:,}"),
            ("predicted negative", f"{counts.false_negatives:,}", f"{counts.true_negatives:,}"),
        ),
        abreast=True,
    )
    shares = (
        ("sensitivity: of the positives, those alerted", counts.sensitivity),
        ("specificity: of the negatives, those not alerted", counts.specificity),
        ("precision: of the alerted, the positives", counts.precision),
        ("of those not alerted, the negatives", counts.negative_precision),
    )
    rows = tuple((name, percent_interval(rate.share)) for name, rate in shares)
    return table, Table("What the threshold does", ("share", "95 % interval"), rows, abreast=True)


def _candidates(report: EvaluationReport) -> Section:
    ranked = sorted(report.candidates, key=lambda row: -row.mean)
    rows = tuple(
        (row.family, row.parameters, f"{row.mean:.4f}", f"{row.spread:.4f}", "chosen" if row.chosen else "")
        for row in ranked
    )
    table = Table(
        f"Candidates by {SCORES[report.metric][0]} in cross-validation",
        ("family", "parameters", "mean", "standard deviation", ""),
        rows,
        note="Mean and standard deviation over folds that share no patient, on train and validation.",
        texts=(0, 1, 4),
        strong=tuple(position for position, row in enumerate(ranked) if row.chosen),
    )
    return Section(
        "What it was chosen from", "The best configurations of each family, compared on the same folds.", (table,)
    )
