"""Returns to the previous champion."""

from dataclasses import dataclass
from datetime import UTC, datetime

import click

from adapters.stack_connection import registry_of_stack
from driver.stack import use_stack


@dataclass(frozen=True)
class Options:
    """The command line's words."""

    stack: str | None


def run(options: Options) -> int:
    """Move the champion alias back by one and say so; returns the exit code."""
    click.echo(f"stack: {use_stack(options.stack, storage=False)}")
    result = registry_of_stack().rollback(datetime.now(UTC), "run.py --pipeline rollback")
    click.echo(f"champion: version {result.champion}, instead of version {result.replaced}")
    click.echo("it is served after: python run.py --pipeline deploy")
    return 0
