"""The page on one file of a user's own: verdict, alarms, columns, and what its labels showed."""

import math
from collections.abc import Sequence

from markupsafe import Markup

from health_predict.monitoring.decision import Alarm
from health_predict.monitoring.file_check import FileCheck
from health_predict.monitoring.performance import Performance
from health_predict.pages.deviations import deviations
from health_predict.pages.frame import Figure, Section, Table, Text, number_interval, percent, render, said, signed

_MEANING = {
    "column": "largest deviation of a column, in sd without drift",
    "impact": "distance of the columns, weighted by what the model looks at",
    "calibration": "readmissions above or below the predicted ones, in sd",
    "auroc": "AUROC lost against out-of-fold scores of the training window",
}
_APART = (
    "This check stands apart from the stream: its ledger was not touched, nothing was retrained or deployed.",
    "The alarms share one false-alarm rate: without any drift, that is how often a file gets any of them.",
)


def file_check_page(check: FileCheck, reports: Sequence[str]) -> str:
    """Write the page as one self-contained HTML string without script.

    Args:
        reports: names of the reports that lie beside it.
    """
    verdict = check.verdict.verdict.replace("_", " ") if check.verdict.judged else "NOT JUDGED"
    lead = f"{verdict}: {check.verdict.reason}."
    return render("Check of a file", _sections(check, reports), check.provenance, lead=lead, facts=_facts(check))


def _facts(check: FileCheck) -> list[tuple[str, str]]:
    return [
        ("check", check.id),
        ("rows", f"{check.verdict.rows:,}"),
        ("model version", check.version),
        ("compared with", check.compared_with),
        ("mean score", percent(check.mean_score)),
        ("AUROC expected from the scores", _number(check.expected_auroc)),
        ("Evidently", f"{check.drifted} column{'' if check.drifted == 1 else 's'} drifted ({percent(check.share)})"),
    ]


def _sections(check: FileCheck, reports: Sequence[str]) -> list[Section]:
    alarms = (_alarms(check.verdict.alarms),) if check.verdict.judged else ()
    sections = [Section("Alarms", "What was tested, and what it would have taken.", (*alarms, Text(_APART)))]
    if check.performance:
        lead = "What came true, against what was predicted."
        sections.append(Section("Outcomes", lead, (_outcomes(check.performance),)))
    sections.append(Section("Columns", "The largest deviation first.", (_deviations(check), _columns(check))))
    links = tuple(Markup('<a href="{0}">{0}</a>').format(name) for name in reports)
    sections.append(Section("Reports", "Evidently's own, which need scripts.", (Text(links),)))
    if check.notes:
        sections.append(Section("Notes", "What to know about the file.", (Text(tuple(map(_sentence, check.notes))),)))
    return sections


def _alarms(alarms: Sequence[Alarm]) -> Table:
    rows = tuple(
        (said(a.name, _MEANING[a.name]), signed(a.statistic, 3), signed(a.threshold, 3), "yes" if a.raised else "no")
        for a in alarms
    )
    raised = tuple(i for i, alarm in enumerate(alarms) if alarm.raised)
    return Table(
        "Alarms", ("alarm, and what it tests", "found", "allowed", "raised"), rows, texts=(0, 3), strong=raised
    )


def _outcomes(performance: Performance) -> Table:
    auroc = number_interval(performance.auroc) if math.isfinite(performance.auroc.value) else "one outcome only"
    rows = (
        ("AUROC, realised", auroc),
        ("readmitted", percent(performance.observed)),
        ("predicted", percent(performance.predicted)),
        ("difference, in sd", f"{performance.calibration_z:+.1f}".replace("-", "\N{MINUS SIGN}")),
    )
    return Table(f"Outcomes of {performance.rows:,} encounters", ("figure", "value"), rows, abreast=True)


def _deviations(check: FileCheck) -> Figure:
    threshold = next((alarm.threshold for alarm in check.verdict.alarms if alarm.name == "column"), None)
    beyond = check.verdict.columns
    reading = f"{len(beyond)} of {len(check.drift.columns)} columns are beyond what is allowed."
    svg = deviations(check.drift.columns, beyond, threshold)
    return Figure("Which columns drift", svg, reading if check.verdict.judged else "Too few rows to judge.")


def _columns(check: FileCheck) -> Table:
    rows = tuple((c.column, f"{c.distance:.3f}", signed(c.deviation, 1)) for c in check.drift.columns)
    beyond = tuple(i for i, c in enumerate(check.drift.columns) if c.column in check.verdict.columns)
    note = "Distance: Jensen-Shannon, 0 to 1. Deviation: in sd of what files of that size show without drift."
    return Table("Watched columns", ("column", "distance", "deviation"), rows, note=note, strong=beyond, abreast=True)


def _number(value: float) -> str:
    return f"{value:.3f}" if math.isfinite(value) else "not known"


def _sentence(note: str) -> str:
    return f"{note[0].upper()}{note[1:]}."
