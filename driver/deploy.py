"""Puts the champion behind the active stack's endpoint and shows a first prediction."""

from dataclasses import dataclass
from typing import Any

import click

from adapters.stack_connection import registry_of_stack
from configs.deploy import DeployConfig
from configs.loading import load
from driver.provenance import say_what_it_learnt_from
from driver.result_file import claim, write
from driver.stack import use_stack
from health_predict.errors import InfrastructureError


@dataclass(frozen=True)
class Options:
    """The command line's words."""

    config: str | None
    stack: str | None
    model_version: str | None
    pairs: tuple[str, ...]
    dry_run: bool
    result: str | None
    verbose: bool


def run(options: Options) -> int:
    """Deploy, verify and show; returns the exit code.

    Raises:
        InputError: no champion, or no such version.
        InfrastructureError: the version did not prove itself; the previous one serves on.
    """
    config = load(DeployConfig, "deploy", options.config, options.pairs)
    result_file = claim(options.result, dry_run=options.dry_run)
    if not options.verbose:
        from driver.console import quiet_libraries

        quiet_libraries()
    stack = use_stack(options.stack)
    from adapters.release_fetching import release_of

    release = release_of(options.model_version)
    click.echo(f"stack: {stack}")
    click.echo(f"deploy: version {release.model_version} to endpoint {config.endpoint.name}")
    say_what_it_learnt_from(registry_of_stack(), release.model_version)
    if options.dry_run:
        click.echo("dry run: everything is in order, nothing was changed")
        return 0
    rollout = run_deployment(config, release.model_version)
    write(result_file, {"command": "deploy", "rollout": rollout})
    if rollout["status"] != "deployed":
        raise InfrastructureError(f"{rollout['reason']}; see the run in `make dashboard`, then deploy again")
    from driver.deploy_result import show_rollout

    show_rollout(rollout)
    return 0


def run_deployment(config: DeployConfig, version: str) -> dict[str, Any]:
    """Run the deployment pipeline to its end and return the rollout."""
    from driver.runs import output, run_to_end
    from pipelines.deployment import deployment_pipeline

    run = run_to_end(deployment_pipeline, no_cache=False, config=config, version=version)
    rollout: dict[str, Any] = output(run, "verify_release", "rollout")
    return rollout
