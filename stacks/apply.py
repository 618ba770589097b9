"""Apply a stack file to the ZenML store: `python -m stacks.apply local --activate`. Doing it twice changes nothing."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import click
from filelock import FileLock, Timeout

from health_predict.errors import HealthPredictError, InfrastructureError
from stacks.environment import prepare, state_folder
from stacks.experiments import create_experiments, missing_experiments
from stacks.stack_file import STACKS, read_stack

_PATIENCE = 120.0  # seconds to wait for another process that applies a stack


@dataclass(frozen=True)
class AppliedStack:
    """A stack as the store now has it; `changes` says in words what this call did, empty if nothing was to do."""

    name: str
    id: UUID
    active: bool
    tracking_uri: str | None
    changes: tuple[str, ...]

    @property
    def reason(self) -> str:
        """One line for a person."""
        done = ", ".join(self.changes) or "nothing to change"
        return f"stack {self.name} ({'active' if self.active else 'not active'}): {done}"


def apply_stack(name: str, *, activate: bool, folder: Path = STACKS) -> AppliedStack:
    """Register <folder>/<name>.yaml and, if asked, make it the active stack; all is checked before anything but
    its secrets changes.

    Raises InputError for a fault in the file, InfrastructureError when the store or the state folder is out of reach.
    """
    prepare()
    stack = read_stack(name, folder)
    with alone():
        from stacks import registration, secret_store  # these import ZenML, which reads the environment

        client = registration.open_store()
        secrets = secret_store.read_secrets(stack)
        with registration.store_failures():  # flavors look their secrets up when they are checked
            changes = secret_store.keep_secrets(client, secrets)
        checked = registration.check(client, stack)
        experiments = missing_experiments(stack)
        changes += create_experiments(stack, experiments)
        with registration.store_failures():
            changes += registration.register(client, stack, checked)
            changes += [registration.activate(client, name)] if activate else []
    tracker = next((c for c in stack.components if c.type == "experiment_tracker"), None)
    applied = client.get_stack(name, allow_name_prefix_match=False)
    return AppliedStack(
        name=name,
        id=applied.id,
        active=client.active_stack_model.id == applied.id,
        tracking_uri=tracker.configuration.get("tracking_uri") if tracker else None,
        changes=tuple(change for change in changes if change),
    )


@contextmanager
def alone() -> Iterator[None]:
    """Two processes must not create the same new store."""
    try:
        state_folder().mkdir(parents=True, exist_ok=True)
        lock = FileLock(state_folder() / "apply.lock", timeout=_PATIENCE)
        lock.acquire()
    except Timeout as error:
        raise InfrastructureError(f"another process has been applying a stack for {_PATIENCE:.0f} s") from error
    except OSError as error:
        raise InfrastructureError(
            f"the state folder {state_folder()} cannot be written: {error.strerror}; set HEALTH_PREDICT_STATE"
        ) from error
    try:
        yield
    finally:
        lock.release()


@click.command()
@click.argument("name")
@click.option("--activate", is_flag=True, help="Also make it the active stack.")
def main(name: str, *, activate: bool) -> None:
    """Apply stacks/NAME.yaml to the ZenML store."""
    try:
        click.echo(apply_stack(name, activate=activate).reason)
    except HealthPredictError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
