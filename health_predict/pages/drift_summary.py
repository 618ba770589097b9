"""The page that shows Evidently's findings on one batch where its own report, which needs scripts, cannot be shown."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from markupsafe import escape

from health_predict.pages.frame import Section, Table, Text, percent, render
from health_predict.reading import Provenance

# Evidently sets six large figures beside each other, which cover each other on a telephone
_NARROW = (
    "<style>@media (max-width: 700px) "
    "{ .MuiGrid-grid-xs-grow .MuiTypography-alignCenter { font-size: 12px !important; } }</style>\n"
)

Direction = Literal["at least", "below"]


@dataclass(frozen=True)
class Subject:
    """What a report is about.

    Attributes:
        batch: its id.
        model_version: which version of the model scored it.
        shift: that was injected, None if none.
    """

    batch: str
    model_version: str
    provenance: Provenance
    shift: str | None = None


@dataclass(frozen=True)
class ColumnFinding:
    """One column: how Evidently tested it, and what came out.

    Attributes:
        direction: a distance says drift from the threshold on, a p-value below it.
        missing: share of rows without a value in reference and batch, 0..1.
    """

    column: str
    test: str
    score: float
    threshold: float
    direction: Direction
    drifted: bool
    missing: tuple[float, float]

    @property
    def strength(self) -> float:
        """How far beyond the threshold the score is, as a ratio; above 1 is drift, whatever the test."""
        small = 1e-12  # a p-value may be 0
        if self.direction == "at least":
            return self.score / self.threshold
        return self.threshold / max(self.score, small)


@dataclass(frozen=True)
class DriftSummary:
    """Everything the page shows.

    Attributes:
        share_needed: share of drifted columns from which Evidently calls the data set drifted.
        score: drift of the predicted risks; None if they were not compared.
        notes: what is not in the report, or is there with a restriction.
    """

    rows: int
    reference_rows: int
    columns: tuple[ColumnFinding, ...]
    share_needed: float
    score: ColumnFinding | None
    notes: tuple[str, ...]

    @property
    def drifted(self) -> tuple[str, ...]:
        """The drifted columns, the strongest first."""
        return tuple(finding.column for finding in self.ordered if finding.drifted)

    @property
    def share(self) -> float:
        """Share of the watched columns that drifted, 0..1."""
        return len(self.drifted) / len(self.columns)

    @property
    def ordered(self) -> tuple[ColumnFinding, ...]:
        """All columns, the strongest drift first."""
        return tuple(sorted(self.columns, key=lambda finding: -finding.strength))


def drift_summary_page(summary: DriftSummary, subject: Subject) -> str:
    """Write the summary as one HTML page without scripts."""
    called = "drift of the data set" if summary.share >= summary.share_needed else "no drift of the data set"
    facts = (
        ("batch", subject.batch),
        ("rows", f"{summary.rows:,}"),
        ("reference rows", f"{summary.reference_rows:,}"),
        ("model version", subject.model_version),
        ("drifted columns", f"{len(summary.drifted)} of {len(summary.columns)} ({percent(summary.share)})"),
        ("Evidently says", f"{called} (from {percent(summary.share_needed)} on)"),
    )
    lead = "What Evidently finds column by column. Its rule is shown for comparison unless it was chosen to decide."
    told = (("Injected shift", f"{subject.shift}: put on this batch for a demonstration."),) if subject.shift else ()
    return render("Evidently, in short", _sections(summary), subject.provenance, lead=lead, facts=facts, warnings=told)


def with_heading(html: str, subject: Subject) -> str:
    """Say at the top of a foreign HTML page what it is about; it has no place for that itself."""
    synthetic = " · <strong>synthetic</strong>" if subject.provenance == "synthetic" else ""
    injected = f" · <strong>injected shift {escape(subject.shift)}</strong>" if subject.shift else ""
    about = f"Health Predict · batch {escape(subject.batch)} · model version {escape(subject.model_version)}"
    style = 'style="margin:0;padding:10px 24px;font:15px/1.5 system-ui,Arial,sans-serif;background:#f6f7f8;color:#222"'
    return html.replace(
        "<body>", f"<body>\n{_NARROW}<p {style}>{about}{synthetic}{injected} · not for clinical use</p>", 1
    )


def _sections(summary: DriftSummary) -> list[Section]:
    lead = "Drifted columns first. Groups under eleven patients on either side are pooled on both."
    sections = [Section("Columns", lead, (_table(summary.ordered),))]
    if summary.score is not None:
        lead = "The calibrated probabilities of the batch against out-of-fold ones of the training window."
        sections.append(Section("Predicted risk", lead, (Text((_in_words(summary.score),)),)))
    if summary.notes:
        sections.append(Section("Notes", "What the report cannot show.", (Text(summary.notes),)))
    return sections


def _table(findings: Sequence[ColumnFinding]) -> Table:
    return Table(
        "Watched columns",
        ("column", "test", "drift", "score", "drift if", "missing before", "missing now"),
        tuple(_row(finding) for finding in findings),
        note="Before: in the reference. Missing values of fewer than eleven patients are pooled, and not counted here.",
        texts=(0, 1, 2),
        strong=tuple(i for i, finding in enumerate(findings) if finding.drifted),
    )


def _row(finding: ColumnFinding) -> tuple[str, ...]:
    drift = "yes" if finding.drifted else "no"
    before, now = (percent(share) for share in finding.missing)
    return finding.column, finding.test, drift, f"{finding.score:.3f}", _needed(finding), before, now


def _in_words(finding: ColumnFinding) -> str:
    drift = "drift" if finding.drifted else "no drift"
    return f"{finding.test} {finding.score:.3f}: {drift} (drift if {_needed(finding)})."


def _needed(finding: ColumnFinding) -> str:
    return f"{'≥' if finding.direction == 'at least' else '<'} {finding.threshold:g}"
