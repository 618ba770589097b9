"""Shows what is champion, what is served, and what monitoring said last."""

import json
from dataclasses import asdict, dataclass
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from adapters.stack_connection import registry_of_stack
from configs.deploy import DeployConfig
from configs.loading import load
from driver.stack import use_stack
from health_predict.errors import HealthPredictError


@dataclass(frozen=True)
class Status:
    """The state of a stack; a part is None where there is nothing yet.

    Attributes:
        monitoring: the last verdict.
    """

    stack: str
    champion: dict[str, Any] | None
    endpoint: dict[str, Any] | None
    monitoring: dict[str, Any] | None


@dataclass(frozen=True)
class Options:
    """The command line's words."""

    stack: str | None
    as_json: bool


def run(options: Options) -> int:
    """Print the state of the stack; returns the exit code."""
    from driver.console import quiet_libraries

    quiet_libraries()
    found = Status(use_stack(options.stack, storage=False), _champion(), _endpoint(), _monitoring())
    if options.as_json:
        click.echo(json.dumps(asdict(found), indent=1))
    else:
        _show(found)
    return 0


def _champion() -> dict[str, Any] | None:
    champion = registry_of_stack().champion()
    if champion is None:
        return None
    names = ("family", "target", "provenance", "champion_since", "promotion_reason", "injected_shifts", "rollout_at")
    return {"version": champion.version, "run_id": champion.run_id, **{n: champion.tags.get(n) for n in names}}


def _endpoint() -> dict[str, Any] | None:
    """A stack whose endpoint cannot be asked still has a champion to show."""
    from adapters.seldon_endpoint import endpoint_of_stack

    try:
        endpoint = endpoint_of_stack(load(DeployConfig, "deploy").endpoint).find()
    except HealthPredictError as error:
        return {"state": "unknown", "reason": str(error)}
    return asdict(endpoint) if endpoint else None


def _monitoring() -> dict[str, Any] | None:
    """The last batch that was judged, whatever has become of its action."""
    from adapters.monitoring_store import MonitoringStore

    judged = [entry for entry in MonitoringStore.of_stack().ledger().entries if "checked" in entry.records]
    if not judged:
        return None
    last, verdict = judged[-1], judged[-1].records["checked"]["verdict"]
    decided = last.records.get("decided", {})
    return {
        "batch": last.batch,
        "index": last.records["seen"]["index"],
        "verdict": verdict["verdict"],
        "reason": verdict["reason"],
        "action": decided.get("action"),
        "outcome": (last.outcome or {}).get("result"),
    }


def _show(found: Status) -> None:
    table = Table(title=f"Health Predict on stack {found.stack}", title_justify="left", show_header=False)
    for part, content, nothing in (
        ("champion", found.champion, "none yet: python run.py --pipeline train"),
        ("endpoint", found.endpoint, "none yet: python run.py --pipeline deploy"),
        ("monitoring", found.monitoring, "no batch was monitored yet"),
    ):
        lines = [f"{key.replace('_', ' ')}: {value}" for key, value in (content or {}).items() if value is not None]
        table.add_row(part, "\n".join(lines) if lines else nothing)
    Console(highlight=False).print(table)
    if found.champion and found.endpoint and found.endpoint.get("state") == "running":
        _warn_if_other(found.champion["version"], found.endpoint["model_version"])


def _warn_if_other(champion: str, served: str | None) -> None:
    if served != champion:
        what = f"version {served} is served, but version {champion} is champion"
        click.secho(f"{what}: python run.py --pipeline deploy", fg="yellow")
