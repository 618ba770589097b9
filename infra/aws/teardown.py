"""Takes the stack `aws` down, in order: `python -m infra.aws.teardown`, or make destroy. Safe to repeat.

SeldonDeployments, Seldon's operator and Istio, Minikube and the Compose volumes are on the machine; there the same
command runs with `--part machine`, over SSM. Images, versions of objects and what Terraform made are in the account.
"""

import sys
from collections.abc import Callable, Iterable

import click

from health_predict.errors import HealthPredictError, InputError
from infra.aws.account_steps import account_steps, left_over
from infra.aws.backups import find_backups
from infra.aws.machine_by_ssm import steps_over_ssm
from infra.aws.machine_steps import machine_steps
from infra.aws.teardown_step import Account, Step
from stacks.environment import prepare, state_folder

_QUESTION = "Delete all models, data and reports of this stack?"


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--yes-delete-models", is_flag=True, help="Do not ask before models and data are deleted.")
@click.option("--dry-run", is_flag=True, help="Say what is there and would be deleted; delete nothing.")
@click.option("--part", type=click.Choice(["all", "machine"]), default="all", help="machine: what runs on this one.")
def main(*, yes_delete_models: bool, dry_run: bool, part: str) -> None:
    """Take down all of the stack aws, in order, and list what is left."""
    prepare()
    try:
        if part == "machine":
            _take_down(machine_steps(), dry_run=dry_run, sure=yes_delete_models, backups=None)
        else:
            _take_down_all(Account.of_file(state_folder() / "aws.env"), dry_run=dry_run, sure=yes_delete_models)
    except HealthPredictError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(error.exit_code)


def _take_down_all(account: Account, *, dry_run: bool, sure: bool) -> None:
    steps = [*steps_over_ssm(account), *account_steps(account)]
    _take_down(steps, dry_run=dry_run, sure=sure, backups=lambda: find_backups(account))
    left = left_over(account)
    click.echo(f"left: {f'{len(left)} with the tags of {account}' if left else f'nothing with the tags of {account}'}")
    for name in left:
        click.echo(f"  {name}")
    if left and not dry_run:
        click.echo("AWS lists an ended machine for about an hour; what stays longer, delete by hand or repeat this")


def _take_down(
    steps: Iterable[Step], *, dry_run: bool, sure: bool, backups: Callable[[], Iterable[str]] | None
) -> None:
    """Say what is there, ask, and do it; what is gone already is passed over."""
    steps = list(steps)
    for step in steps:
        click.echo(f"there: {step.name}: {step.look()}")
    for backup in backups() if backups else ():
        click.echo(f"backup: {backup}")
    if dry_run:
        click.echo("dry run: nothing was deleted")
        return
    _ask(sure=sure)
    for step in steps:
        click.echo(f"gone: {step.name}: {step.remove()}")


def _ask(*, sure: bool) -> None:
    if sure:
        return
    if not sys.stdin.isatty():
        raise InputError("models would be deleted, and there is no terminal to ask on; give --yes-delete-models")
    if not click.confirm(_QUESTION, default=False):
        raise InputError("nothing was deleted")


if __name__ == "__main__":
    main()
