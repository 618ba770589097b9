"""Stops the endpoint of the stack."""

from dataclasses import dataclass

import click

from configs.deploy import DeployConfig
from configs.loading import load
from driver.stack import use_stack


@dataclass(frozen=True)
class Options:
    """The command line's words."""

    stack: str | None


def run(options: Options) -> int:
    """Stop the endpoint and say so; returns the exit code."""
    from driver.console import quiet_libraries

    quiet_libraries()
    click.echo(f"stack: {use_stack(options.stack, storage=False)}")
    from adapters.seldon_endpoint import endpoint_of_stack

    stopped = endpoint_of_stack(load(DeployConfig, "deploy").endpoint).stop()
    click.echo(f"endpoint: {stopped.name} {stopped.state}" if stopped else "endpoint: none, nothing to stop")
    return 0
