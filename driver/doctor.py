"""Looks at everything that a stack needs, also where much of it is broken, and says how to mend it; changes nothing."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.text import Text

from driver.console import quiet_libraries
from driver.doctor_components import component_findings
from driver.doctor_finding import Finding, any_failed, failed, guarded
from driver.doctor_machine import machine_findings
from driver.doctor_stack import (
    active_stack,
    check_name,
    described,
    mentions,
    open_existing_store,
    registered,
    secrets_of,
    use_registered,
)
from health_predict.errors import HealthPredictError, InfrastructureError
from infra.service_settings import ServiceSettings, read_settings

if TYPE_CHECKING:
    from zenml.client import Client

_COLOURS = {"ok": "green", "warn": "yellow", "FAIL": "bold red"}


@dataclass(frozen=True)
class Options:
    """The command line's words."""

    stack: str | None
    as_json: bool


def run(options: Options) -> int:
    """Print the findings; returns the exit code, 5 if something has to be mended.

    Raises:
        InputError: there is no stack of that name.
    """
    quiet_libraries()
    if not options.as_json:
        click.echo("looking at this machine, the ZenML store and the stack ...", err=True)
    check_name(options.stack)
    client, store = open_existing_store()
    name = options.stack or active_stack(client)
    findings = [*guarded("machine", lambda: _machine(name)), store, *_stack(name, client, store)]
    if options.as_json:
        told = {"stack": name, "ok": not any_failed(findings), "findings": [asdict(finding) for finding in findings]}
        click.echo(json.dumps(told, indent=1))
    else:
        _show(name, findings)
    return InfrastructureError.exit_code if any_failed(findings) else 0


def _machine(name: str) -> list[Finding]:
    environments, findings = [".venv"], []
    settings: ServiceSettings | None = None
    if mentions(name, "/.venv-serving/"):
        environments.append(".venv-serving")
    if mentions(name, "${STATE}/services/"):  # those that `make services-up` starts
        environments.append(".venv-services")
        try:
            settings = read_settings()
        except HealthPredictError as error:
            findings.append(failed("ports", error))
    return [*machine_findings(environments, settings), *findings]


def _stack(name: str, client: "Client | None", store: Finding) -> list[Finding]:
    stack, file = described(name)
    if stack is None:
        return [file]
    secrets, findings = secrets_of(stack, client)
    (registration,) = guarded("stack", lambda: [registered(client, store, stack)])
    usable = client is not None and registration.state != "FAIL"
    if client is not None and usable:
        use_registered(client, name)
    return [file, registration, *findings, *component_findings(stack, secrets, registered=usable)]


def _show(name: str, findings: Sequence[Finding]) -> None:
    """A line each, not cells: a cure is copied from the terminal, and must not be folded."""
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"Health Predict on stack {name}", style="bold")
    width = max(len(finding.name) for finding in findings)
    for finding in findings:
        state = Text(f"{finding.state:<4}", style=_COLOURS[finding.state])
        console.print(Text("  ").join((state, Text(f"{finding.name:<{width}}"), Text(finding.told))))
        if finding.cure:
            console.print(Text(f"{'':<{width + 6}}  cure: {finding.cure}", style="dim"))
    counts = {state: sum(finding.state == state for finding in findings) for state in _COLOURS}
    broken = f"{counts['FAIL']} to mend" if counts["FAIL"] else "nothing to mend"
    click.echo(f"{broken}, {counts['warn']} to know of, {counts['ok']} well")
