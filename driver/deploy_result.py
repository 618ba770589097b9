"""What a user sees after a deployment: the endpoint, a first prediction, and how to ask for the next one."""

import json
from typing import Any

from rich.console import Console
from rich.table import Table

from adapters.seldon_verification import SeldonRoute
from health_predict.example import EXAMPLE


def show_rollout(rollout: dict[str, Any]) -> None:
    """Print URL, version, latency, one explained prediction, and a curl line that works as it stands."""
    console = Console(highlight=False, soft_wrap=True)
    checks = rollout["verification"]
    console.print(f"endpoint: {rollout['url']}")
    console.print(f"serves: version {rollout['serving']} (run {rollout['run_id']}); verified: {rollout['reason']}")
    times = f"median {checks['median_ms']:.1f} ms, 95 % within {checks['p95_ms']:.1f} ms"
    console.print(f"latency: {times}, {checks['requests']} single records, one after the other")
    answer = SeldonRoute(rollout["url"]).predict(EXAMPLE, explain=True)["jsonData"]
    console.print(_explained(answer))
    console.print("ask for the next one (an invented encounter):")
    console.print(_curl(rollout["url"]), markup=False)
    console.print("look next: run.py --status | run.py --stop-endpoint | run.py --help")


def _explained(answer: dict[str, Any]) -> Table:
    explanation = answer["explanation"]
    title = f"One prediction, of an invented encounter: {answer['probability_score']:.3f}, class {answer['prediction']}"
    table = Table(title=title, title_justify="left")
    table.add_column("what speaks for a readmission, and against it")
    table.add_column(explanation["unit"], justify="right")
    table.add_row("an average encounter", f"{explanation['base']:+.3f}")
    for entry in explanation["contributions"]:
        table.add_row(entry["feature"].replace("_", " "), f"{entry['contribution']:+.3f}")
    table.add_row("all other features", f"{explanation['others']:+.3f}")
    table.add_row("score before calibration", f"{explanation['raw_score']:+.3f}")
    return table


def _curl(url: str) -> str:
    body = json.dumps({"jsonData": EXAMPLE}, separators=(",", ":"))
    return f"curl -s {url} -H 'Content-Type: application/json' -d '{body}'"
