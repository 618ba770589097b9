"""How the commands of infra/ end: what a user can mend is one line, and an exit code."""

import sys

import click

from health_predict.errors import HealthPredictError


def run(command: click.Command) -> None:
    """Run a command: 2 and 5 for what the user can mend, 130 for one that was broken off."""
    try:
        command(standalone_mode=False)
    except HealthPredictError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(error.exit_code)
    except click.Abort:
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
