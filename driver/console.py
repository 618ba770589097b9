"""What a user sees: one line for an explained failure, a table for a result."""

import logging
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import click

from health_predict.errors import HealthPredictError
from stacks.environment import quiet_console


@contextmanager
def explained(*, verbose: bool) -> Iterator[None]:
    """Turn an explained failure into one line and its exit code; a traceback is shown with `verbose` only."""
    if not verbose:
        warnings.simplefilter("ignore")
    try:
        yield
    except (KeyboardInterrupt, Exception) as failure:
        if isinstance(failure, click.exceptions.Exit) or verbose:
            raise
        line, code = in_one_line(failure)
        click.echo(f"error: {line}", err=True)
        sys.exit(code)


def in_one_line(failure: BaseException) -> tuple[str, int]:
    """Return what a user is told of a failure, and the exit code of a command that ends with it."""
    if isinstance(failure, KeyboardInterrupt):
        return str(failure) or "interrupted; run the same command again", 130
    known = _known(failure)
    if known is None:
        return f"unexpected {type(failure).__name__}: {_first_line(failure)} (run again with -v for the traceback)", 1
    return str(known), known.exit_code


def quiet_libraries() -> None:
    """Show only this project's own lines on the terminal; ZenML still stores the logs of every step."""
    import zenml  # noqa: F401 - sets up its console handler when it is imported

    quiet_console()
    logging.getLogger("mlflow").setLevel(logging.ERROR)  # has a handler of its own
    project = logging.getLogger("health_predict")
    project.setLevel(logging.INFO)
    if not project.handlers:
        own = logging.StreamHandler()
        own.setFormatter(logging.Formatter("  %(message)s"))
        project.addHandler(own)


def _known(failure: BaseException | None) -> HealthPredictError | None:
    """Find the explained failure that an orchestrator may have wrapped."""
    while failure is not None:
        if isinstance(failure, HealthPredictError):
            return failure
        failure = failure.__cause__ or failure.__context__
    return None


def _first_line(failure: BaseException) -> str:
    return (str(failure).strip() or "no message").splitlines()[0]
