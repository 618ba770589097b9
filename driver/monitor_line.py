"""The line that a monitored batch ends with."""

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from health_predict.monitoring.ledger import Entry


def show_batch(entry: "Entry") -> None:
    """Print batch, rows, verdict, reason, realised AUROC where labels have matured, and action."""
    seen, checked, decided = (entry.records[state] for state in ("seen", "checked", "decided"))
    verdict = checked["verdict"]
    parts = [
        f"batch {seen['index']} ({entry.batch})",
        f"{seen['rows']:,} rows{_shifted(seen['shift'])}",
        verdict["verdict"],
        verdict["reason"],
        *_realised(checked),
        f"action: {_action(decided, entry.outcome or {})}",
    ]
    click.secho(" | ".join(parts), fg="red" if verdict["verdict"] == "DRIFT_DETECTED" else None)


def _shifted(shift: str | None) -> str:
    return f", INJECTED {shift}" if shift else ""


def _realised(checked: dict[str, Any]) -> list[str]:
    performance = checked["performance"]
    if performance is None:
        return []
    auroc = performance["auroc"]
    if auroc["value"] is None:
        return [f"no AUROC on batch {checked['labelled_index']}: all its outcomes are the same"]
    interval = f"{auroc['value']:.3f} ({auroc['low']:.3f}-{auroc['high']:.3f})"
    return [f"AUROC {interval} on batch {checked['labelled_index']}, expected {checked['labelled_expected_auroc']:.3f}"]


def _action(decided: dict[str, Any], outcome: dict[str, Any]) -> str:
    if outcome.get("version") is None:
        waits = f" ({decided['reason']})" if decided["action"] == "waiting" else ""
        return f"{decided['action']}{waits}"
    served = f", version {outcome['served']} is served" if outcome.get("served") else ""
    return f"{decided['action']}: version {outcome['version']} {outcome['result']}{served}"
