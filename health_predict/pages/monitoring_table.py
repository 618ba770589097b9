"""The tables of the monitoring page: every batch, with links to its reports and runs, and every change of champion."""

from collections.abc import Mapping, Sequence
from urllib.parse import quote, urlsplit

from markupsafe import Markup

from health_predict.champions import ChampionChange
from health_predict.monitoring.decision import MOST_NAMED
from health_predict.monitoring.history import MonitoringHistory
from health_predict.monitoring.monitored_batch import MonitoredBatch, Settled
from health_predict.pages.frame import Section, Table
from health_predict.pages.monitoring_strip import anchor

_SCHEMES = ("", "file", "http", "https", "s3")  # what a link may lead to; never a script
_UNKNOWN = "\N{EN DASH}"


def batches_section(history: MonitoringHistory) -> Section:
    """List the batches, the newest first."""
    newest = tuple(reversed(history.batches))
    table = Table(
        "Every batch, the newest first",
        ("batch", "rows", "verdict and reason", "AUROC", "action and outcome", "reports and runs"),
        tuple(_row(batch) for batch in newest),
        note="AUROC: realised, and in brackets what was expected on arrival.",
        texts=(0, 2, 4, 5),
    )
    return Section("Batches", "What was found, decided and done, and where the reports are.", (table,))


def champions_table(changes: Sequence[ChampionChange]) -> Table:
    """List who became champion when, and why, the newest first."""
    rows = tuple(
        (c.at.replace("T", " "), c.kind, c.version or "none", c.replaced or "none", c.reason) for c in reversed(changes)
    )
    header = ("when", "what", "version", "in place of", "reason")
    return Table(f"Champions: {len(rows)} changes", header, rows, texts=(0, 1, 4), folded=True)


def verdict_badge(batch: MonitoredBatch) -> Markup:
    """Write the verdict of a batch so that it stands out."""
    if batch.verdict is None:
        return Markup('<span class="badge">{}</span>').format(f"only {batch.state}")
    if not batch.judged:
        return Markup('<span class="badge">not judged</span>')
    kind = "alarm" if batch.alarmed else "calm"
    return Markup('<span class="badge {}">{}</span>').format(kind, batch.verdict.verdict)


def link(target: str, words: str) -> Markup:
    """Link to a relative or absolute address; one of another kind is written out and leads nowhere."""
    if urlsplit(target).scheme not in _SCHEMES:
        return Markup("{} ({})").format(words, target)
    return Markup('<a href="{}">{}</a>').format(quote(target, safe="/:?#=&%+@,;~()!$*'"), words)


def _row(batch: MonitoredBatch) -> tuple[str, ...]:
    return (
        _name(batch),
        f"{batch.rows:,}",
        _lines(verdict_badge(batch), _reason(batch)),
        _auroc(batch),
        _action(batch),
        _links(batch),
    )


def _lines(*parts: str) -> Markup:
    return Markup("<br>").join(part for part in parts if part)


def _name(batch: MonitoredBatch) -> Markup:
    number = Markup('<strong id="{}">{}</strong>').format(anchor(batch), batch.number)
    shift = Markup('<span class="badge injected">injected {}</span>').format(batch.shift) if batch.shift else ""
    return _lines(number, Markup('<span class="id">{}</span>').format(batch.id[:8]), shift)


def _reason(batch: MonitoredBatch) -> Markup | str:
    """Write the reason, and the columns beyond the threshold that it does not name."""
    if batch.verdict is None:
        return ""
    reason, named = batch.verdict.reason, batch.verdict.columns[:MOST_NAMED]
    if all(name in reason for name in named):
        return Markup('<span class="more">{}</span>').format(reason)
    rest = len(batch.verdict.columns) - len(named)
    more = f" and {rest} more" if rest else ""
    return Markup('<span class="more">{}; beyond the threshold: {}{}</span>').format(reason, ", ".join(named), more)


def _auroc(batch: MonitoredBatch) -> str:
    realised = batch.realised.auroc if batch.realised else None
    expected = f"({batch.expected_auroc:.3f})" if batch.expected_auroc is not None else ""
    return " ".join(part for part in (f"{realised.value:.3f}" if realised else _UNKNOWN, expected) if part)


def _action(batch: MonitoredBatch) -> str:
    if batch.action is None:
        return _UNKNOWN
    told = Markup('<strong>{}</strong><br><span class="more">{}</span>').format(batch.action, batch.action_reason)
    return _lines(told, _outcome(batch.settled)) if batch.action in ("retrain", "recalibrate") else told


def _outcome(settled: Settled | None) -> Markup | str:
    if settled is None:
        return "outcome pending"
    told = "" if settled.reason.startswith(settled.result) else f"{settled.result} "  # some reasons say so themselves
    version = f"{told}version {settled.version}" if settled.version else settled.result
    return Markup('<strong>{}</strong> <span class="more">{}</span>').format(version, settled.reason)


def _links(batch: MonitoredBatch) -> str:
    reports: Mapping[str, str] = batch.evidently.reports if batch.evidently else {}
    linked = [link(address, name.replace("_", " ")) for name, address in reports.items()]
    share = batch.evidently.share if batch.evidently else None
    figure = f"Evidently: {100 * share:.0f} % of columns drifted" if share is not None else ""
    runs = (
        _run("MLflow", batch.run, batch.run_url),
        _run("ZenML", batch.pipeline_run, batch.pipeline_url),
    )
    return _lines(figure, Markup(", ").join(linked), *runs) or _UNKNOWN


def _run(of: str, run: str | None, address: str | None) -> Markup | str:
    if run is None:
        return ""
    name = Markup('<span class="id">{} {}</span>').format(of, run)
    return link(address, f"{of} {run[:8]}") if address else name
