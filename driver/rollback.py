"""Returns to the previous champion."""

from datetime import UTC, datetime

import click

from driver.connection import registry_of_stack
from driver.stack import use_stack


def rollback(stack: str | None) -> int:
    """Move the champion alias back by one and say so; returns the exit code."""
    click.echo(f"stack: {use_stack(stack)}")
    result = registry_of_stack().rollback(datetime.now(UTC), "run.py --pipeline rollback")
    click.echo(f"champion: version {result.champion}, instead of version {result.replaced}")
    click.echo("it is served after: python run.py --pipeline deploy")
    return 0
