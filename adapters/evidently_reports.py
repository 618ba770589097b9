"""Evidently's reports on a batch, made by the data validator of the active ZenML stack.

Evidently is given groups of at least eleven patients instead of values (health_predict.monitoring.reporting), since it
writes what it gets into its HTML. Every column is a category to it, numbers in their declared bins included: of numbers
it draws means of a few rows in a row.
"""

import os
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from health_predict.columns import PATIENT
from health_predict.errors import InputError
from health_predict.features import MISSING
from health_predict.monitoring.monitored import NAMES
from health_predict.monitoring.reference import ScoreSummary
from health_predict.monitoring.reporting import Grouped, Labelled, coarse_scores, group, group_scores
from health_predict.pages.drift_summary import (
    ColumnFinding,
    DriftSummary,
    Subject,
    drift_summary_page,
    with_heading,
)

if TYPE_CHECKING:
    from zenml.integrations.evidently.data_validators import EvidentlyDataValidator

SCORE, RECORDED, TARGET = "predicted risk", " (recorded values)", "readmitted"
SHARE_NEEDED = 0.5  # Evidently's default
# Okabe and Ito, as on the project's own pages
_COLOURS = {"primary_color": "#0072B2", "current_data_color": "#D55E00", "reference_data_color": "#5A5A5A"}
_OPTIONS = [("evidently.legacy.options.ColorOptions", _COLOURS)]


@dataclass(frozen=True)
class Scores:
    """The (n,) calibrated probabilities of a batch, and what is stored of the reference's."""

    reference: ScoreSummary
    probability: npt.NDArray[np.float64]


@dataclass(frozen=True)
class Matured:
    """The newest labelled encounters, and which batch and model version they are of."""

    labelled: Labelled
    subject: Subject


@dataclass(frozen=True)
class EvidentlyReports:
    """What Evidently found.

    Attributes:
        share: share of the watched columns that drifted, 0..1.
        drifted: how many.
        columns: which, the strongest first.
        pages: its HTML by file name: evidently.html, and classification.html where labels have matured.
        summary: HTML without scripts, which ZenML's dashboard can show.
        notes: what is missing from the reports, and why.
    """

    share: float
    drifted: int
    columns: tuple[str, ...]
    pages: Mapping[str, str]
    summary: str
    notes: tuple[str, ...]


def validator_of_stack() -> "EvidentlyDataValidator":
    """Return the Evidently data validator of the active stack; InputError if it has none."""
    from zenml.client import Client
    from zenml.integrations.evidently.data_validators import EvidentlyDataValidator

    stack = Client().active_stack
    validator = stack.data_validator
    if not isinstance(validator, EvidentlyDataValidator):
        kind = "no data validator" if validator is None else f"data validator {validator.name}, not of Evidently"
        cure = "add a component of flavor evidently to its file in stacks/ and apply it"
        raise InputError(f"stack {stack.name}: {kind}; {cure}")
    return validator


def build_reports(
    validator: "EvidentlyDataValidator",
    reference: pd.DataFrame,
    batch: pd.DataFrame,
    subject: Subject,
    *,
    scores: Scores | None = None,
    matured: Matured | None = None,
    share_needed: float = SHARE_NEEDED,
) -> EvidentlyReports:
    """Report on data drift, data quality and drift of the scores of n raw encounters against m of the reference.

    Args:
        scores: None leaves the drift of the scores out.
        matured: None leaves the classification report out.
        share_needed: of drifted columns, from which Evidently's page says that the data set drifted.

    Raises:
        InputError: reference or batch has fewer than eleven patients.
    """
    grouped = group(reference, batch)
    tables = grouped if scores is None else _with_scores(grouped, scores, batch[PATIENT])
    classification = None if matured is None else _classification_report(validator, matured)
    notes = _notes(grouped, scores, matured, classification)
    results, html = _drift_report(validator, tables, share_needed)
    summary = _summary(results, grouped, share_needed, notes)
    pages = {"evidently.html": with_heading(html, subject)}
    if classification is not None:
        pages["classification.html"] = classification
    page = drift_summary_page(summary, subject)
    return EvidentlyReports(summary.share, len(summary.drifted), summary.drifted, pages, page, notes)


def _with_scores(grouped: Grouped, scores: Scores, patients: pd.Series) -> Grouped:
    reference, batch = group_scores(scores.reference, len(grouped.reference), scores.probability, patients)
    return Grouped(grouped.reference.assign(**{SCORE: reference}), grouped.batch.assign(**{SCORE: batch}))


def _drift_report(
    validator: "EvidentlyDataValidator", tables: Grouped, share_needed: float
) -> tuple[list[dict[str, Any]], str]:
    """Return the results of Evidently's metrics, and its page."""
    from zenml.integrations.evidently.metrics import EvidentlyMetricConfig

    metric = EvidentlyMetricConfig.metric
    watched, incomplete = list(NAMES), _incomplete(tables)
    metrics = [
        metric("DatasetDriftMetric", columns=watched, drift_share=share_needed),
        metric("DataDriftTable", columns=watched),
    ]
    if SCORE in tables.batch:
        metrics += [metric("ColumnDriftMetric", column_name=SCORE)]
    # a missing value is a group of its own to the tests above; to tell how many are missing it must be none
    shown = [name + RECORDED if name in incomplete else name for name in watched]
    metrics += [metric("ColumnSummaryMetric", column_name=name) for name in shown]
    reference, batch = (_with_recorded(side, incomplete) for side in (tables.reference, tables.batch))
    return _profile(validator, reference, batch, metrics, _mapping(categories=list(batch.columns)))


def _incomplete(tables: Grouped) -> list[str]:
    """The columns with missing values on a side, except where a side has nothing else: Evidently fails on these."""
    missing = [(side[list(NAMES)] == MISSING).mean() for side in (tables.reference, tables.batch)]
    return [name for name in NAMES if any(s[name] > 0 for s in missing) and all(s[name] < 1 for s in missing)]


def _with_recorded(side: pd.DataFrame, incomplete: list[str]) -> pd.DataFrame:
    recorded = side[incomplete].where(side[incomplete] != MISSING)
    return side.join(recorded.add_suffix(RECORDED))


def _classification_report(validator: "EvidentlyDataValidator", matured: Matured) -> str | None:
    """Return Evidently's page on matured labels; None if they are too few of a kind to be shown.

    Left out of Evidently's preset is what draws single rows, or counts few patients per value of a column.
    """
    from zenml.integrations.evidently.metrics import EvidentlyMetricConfig

    labelled, coarse = matured.labelled, coarse_scores(matured.labelled)
    if coarse is None:
        return None
    metric = EvidentlyMetricConfig.metric
    decided = ("ClassificationQualityMetric", "ClassificationConfusionMatrix", "ClassificationQualityByClass")
    metrics = [metric(name, probas_threshold=labelled.threshold) for name in decided]
    metrics += [metric(f"Classification{name}") for name in ("ClassBalance", "RocCurve", "PRCurve")]
    table = pd.DataFrame({TARGET: labelled.y.astype(int), SCORE: coarse})
    mapping = _mapping(categories=[], target=TARGET, prediction=SCORE)
    return with_heading(_profile(validator, None, table, metrics, mapping)[1], matured.subject)


def _mapping(categories: list[str], target: str | None = None, prediction: str | None = None) -> Any:  # noqa: ANN401
    from zenml.integrations.evidently.column_mapping import EvidentlyColumnMapping

    task = "classification" if target else None
    mapping = EvidentlyColumnMapping(task=task).to_evidently_column_mapping()
    # ZenML's conversion forgets these: it keeps Evidently's defaults for None, and has no categories
    mapping.task, mapping.target, mapping.prediction, mapping.categorical_features = (
        task,
        target,
        prediction,
        categories,
    )
    return mapping


def _profile(
    validator: "EvidentlyDataValidator",
    reference: pd.DataFrame | None,
    current: pd.DataFrame,
    metrics: list[Any],
    mapping: Any,  # noqa: ANN401 - Evidently has no types
) -> tuple[list[dict[str, Any]], str]:
    with _undisturbed():
        report = validator.data_profiling(reference, current, metrics, mapping, report_options=_OPTIONS)
        return report.as_dict()["metrics"], str(report.get_html())


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Undo that ZenML points NLTK at the working directory; constant columns make Evidently's arithmetic complain."""
    import nltk.data

    known, places = os.environ.get("NLTK_DATA"), list(nltk.data.path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        nltk.data.path[:] = places
        os.environ.pop("NLTK_DATA", None)
        os.environ.update({} if known is None else {"NLTK_DATA": known})


def _summary(
    results: list[dict[str, Any]], grouped: Grouped, share_needed: float, notes: tuple[str, ...]
) -> DriftSummary:
    found = {result["metric"]: result["result"] for result in results}
    columns = found["DataDriftTable"]["drift_by_columns"]
    score = found.get("ColumnDriftMetric")
    return DriftSummary(
        rows=len(grouped.batch),
        reference_rows=len(grouped.reference),
        columns=tuple(_finding(columns[name], grouped) for name in NAMES),
        share_needed=share_needed,
        score=_finding(score, grouped) if score else None,
        notes=notes,
    )


def _finding(result: Mapping[str, Any], grouped: Grouped) -> ColumnFinding:
    name, test = str(result["column_name"]), str(result["stattest_name"])
    sides = [side[name] if name in side else pd.Series([""]) for side in (grouped.reference, grouped.batch)]
    return ColumnFinding(
        column=name,
        test=test,
        score=float(result["drift_score"]),
        threshold=float(result["stattest_threshold"]),
        direction="below" if "p_value" in test else "at least",
        drifted=bool(result["drift_detected"]),
        missing=(float((sides[0] == MISSING).mean()), float((sides[1] == MISSING).mean())),
    )


def _notes(
    grouped: Grouped, scores: Scores | None, matured: Matured | None, classification: str | None
) -> tuple[str, ...]:
    notes = []
    empty = [name for name in NAMES if (grouped.batch[name] == MISSING).all()]
    constant = [name for name in NAMES if grouped.batch[name].nunique() == 1 and name not in empty]
    if empty:
        notes.append(f"Without any value in the batch: {', '.join(empty)}.")
    if constant:
        notes.append(f"With one group only in the batch: {', '.join(constant)}.")
    if scores is None:
        notes.append("Drift of the predicted risk was not looked at: the batch has no scores.")
    if matured is None:
        notes.append("No classification report: no labels have matured.")
    elif classification is None:
        notes.append("No classification report: too few patients of either outcome on either side of the threshold.")
    return tuple(notes)
