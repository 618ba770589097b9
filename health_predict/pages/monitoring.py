"""The monitoring page: what has become of the champion since it was put to use, batch by batch."""

from itertools import groupby

from markupsafe import Markup

from health_predict.monitoring.decision import AlarmName
from health_predict.monitoring.history import MonitoringHistory
from health_predict.monitoring.monitored_batch import MonitoredBatch
from health_predict.pages.frame import Section, Text, render
from health_predict.pages.monitoring_heat import heat_figure
from health_predict.pages.monitoring_lanes import lanes_figure
from health_predict.pages.monitoring_slices import groups_section
from health_predict.pages.monitoring_table import batches_section, champions_table, verdict_badge
from health_predict.pages.monitoring_timeline import auroc_figure, calibration_figure, drift_figure, scores_figure

_ABOUT_ALARMS = (
    "The alarms of a batch share one false-alarm rate: without any drift, that is how often a batch gets any of them. "
    "Columns and impact need no labels. Calibration and AUROC are about an earlier batch, whose labels have matured.",
    "The verdict may repeat from batch to batch, the action does not: after one there is a cool-down, and after a "
    "refusal nothing is tried before new labels have matured.",
)

# alarm, title, how to read it, and the label of its axis
_STATISTICS: tuple[tuple[AlarmName, str, str, str], ...] = (
    (
        "column",
        "Largest deviation of a column",
        "In standard deviations of what batches of that size show without drift, of the column that is farthest off.",
        "standard\ndeviations",
    ),
    (
        "impact",
        "Impact",
        "Distance of the columns to the reference, weighted by how much the champion depends on each.",
        "weighted\ndistance",
    ),
)


def monitoring_page(history: MonitoringHistory) -> str:
    """Write the monitoring page as one self-contained HTML string: no script, no server, aggregates only."""
    sections = _sections(history) if history.batches else [_nothing_yet()]
    warnings = _warnings(history)
    lead, facts = _lead(history), _facts(history)
    return render("Monitoring", sections, history.provenance, lead=lead, facts=facts, warnings=warnings)


def _sections(history: MonitoringHistory) -> list[Section]:
    champions = (champions_table(history.changes),) if history.changes else ()
    outcomes = (scores_figure(history), auroc_figure(history), calibration_figure(history))
    statistics = (drift_figure(history, *about) for about in _STATISTICS)
    return [
        Section(
            "What happened",
            "Alarms, and what was done about them.",
            (lanes_figure(history), Text(_ABOUT_ALARMS), *champions),
        ),
        Section("Scores and outcomes", "What the champion predicted, and what came true.", outcomes),
        Section(
            "Drift",
            "How far the patients are from those the champion has learnt from.",
            (*statistics, heat_figure(history)),
        ),
        groups_section(history),
        batches_section(history),
    ]


def _nothing_yet() -> Section:
    text = "No batch has been monitored yet; take one with: python run.py --pipeline monitor"
    return Section("What happened", "Nothing yet.", (Text((text,)),))


def _lead(history: MonitoringHistory) -> str:
    batch = history.latest
    if batch is None or batch.verdict is None:
        return "Whether the champion still fits the patients that arrive. No batch has been judged yet."
    action = f"Action: {batch.action} ({batch.action_reason})." if batch.action else "No action is decided yet."
    verdict = batch.verdict.verdict if batch.judged else "not judged"
    found = f"Batch {batch.number}, {batch.rows:,} encounters: {verdict}."
    return f"{found} {_sentence(batch.verdict.reason)} {action}"


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def _facts(history: MonitoringHistory) -> list[tuple[str, str]]:
    batch, batches = history.latest, history.batches
    judged, alarmed = sum(b.judged for b in batches), sum(b.alarmed for b in batches)
    facts: list[tuple[str, str]] = []
    if batch is not None:
        facts += [
            (f"verdict on batch {batch.number}", verdict_badge(batch)),
            ("action", batch.action or "not decided yet"),
        ]
    return [
        *facts,
        ("champion", f"version {history.champion}" if history.champion else "none"),
        ("served", _served(history)),
        ("batches", f"{len(batches)}, {judged} judged, {alarmed} with drift"),
        ("encounters", f"{sum(b.rows for b in batches):,}"),
        ("acted", _acted(batches)),
    ]


def _served(history: MonitoringHistory) -> str:
    if history.served is None:
        return "not known"
    differs = history.champion is not None and history.served != history.champion
    words = f"version {history.served}"
    return Markup('<span class="badge alarm">{}, not the champion</span>').format(words) if differs else words


def _acted(batches: tuple[MonitoredBatch, ...]) -> str:
    retrained = [b for b in batches if b.action == "retrain"]
    refused = sum(b.settled is not None and b.settled.result == "refused" for b in retrained)
    recalibrated = sum(b.action == "recalibrate" for b in batches)
    return f"{len(retrained)} retrained ({refused} refused), {recalibrated} recalibrated"


def _warnings(history: MonitoringHistory) -> list[tuple[str, str]]:
    runs = [(s, [b.number for b in m]) for s, m in groupby(history.batches, key=lambda b: b.shift) if s is not None]
    if not runs:
        return []
    where = "; ".join(f"{shift} in batches {found[0]} to {found[-1]}" for shift, found in runs)
    return [
        ("injected shift", f"Not as the patients were: for a demonstration a shift was put on some batches: {where}.")
    ]
