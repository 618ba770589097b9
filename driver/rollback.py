"""Returns to the previous champion."""

from datetime import UTC, datetime

import click

from adapters.mlflow_registry import Registry
from driver.stack import use_stack
from stacks.environment import state_folder


def rollback(stack: str | None) -> int:
    """Move the champion alias back by one and say so; returns the exit code."""
    click.echo(f"stack: {use_stack(stack)}")
    registry = Registry(state_folder() / "locks", tracking_uri())
    result = registry.rollback(datetime.now(UTC), "run.py --pipeline rollback")
    click.echo(f"champion: version {result.champion}, instead of version {result.replaced}")
    return 0


def tracking_uri() -> str:
    """Where the active stack's experiment tracker keeps its runs and its registry."""
    from zenml.client import Client

    return str(Client().active_stack.experiment_tracker.get_tracking_uri())
