"""The services, however they are started: `python -m infra.services --with auto up`, as make services-up does.

Both ways have the same commands, ports and names: infra.compose (containers) and infra.processes.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import click

from health_predict.errors import HealthPredictError, InfrastructureError
from infra.service_settings import read_settings

WAYS = ("compose", "processes")
_AUTO = "auto"


def choose(asked: str, remembered: Path, compose: Callable[[], bool]) -> str:
    """Return the way to start them: the one asked for, else that of the last time, else containers where they can be.

    Args:
        remembered: the file that the last start wrote; the data is where that way keeps it.
        compose: says whether a Docker engine with Compose answers.
    """
    if asked != _AUTO:
        return asked
    if remembered.exists() and (before := remembered.read_text(encoding="utf-8").strip()) in WAYS:
        return before
    return "compose" if compose() else "processes"


def compose_answers() -> bool:
    """Whether Docker answers and has Compose; installs nothing."""
    if not shutil.which("docker") or not _succeeds("docker", "version"):
        return False
    return bool(shutil.which("docker-compose")) or _succeeds("docker", "compose", "version")


def _succeeds(*command: str) -> bool:
    try:
        return subprocess.run(command, capture_output=True, timeout=20).returncode == 0  # noqa: S603 - docker
    except (OSError, subprocess.TimeoutExpired):
        return False


def _remember(way: str, remembered: Path) -> None:
    try:
        remembered.parent.mkdir(parents=True, exist_ok=True)
        remembered.write_text(f"{way}\n", encoding="utf-8")
    except OSError as error:
        raise InfrastructureError(
            f"{remembered}: cannot be written: {error.strerror}; set HEALTH_PREDICT_STATE"
        ) from None


def _run(asked: str, arguments: tuple[str, ...], environment: Mapping[str, str] = os.environ) -> None:
    remembered = read_settings(environment).folder / "way"
    way = choose(asked, remembered, compose_answers)
    if arguments[:1] == ("up",):
        _remember(way, remembered)  # also when it fails: what it began is there to be looked at and ended
        click.echo(f"services: {way}")
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", f"infra.{way}", *arguments])  # noqa: S606 - our own interpreter


@click.command(context_settings={"ignore_unknown_options": True, "help_option_names": []})
@click.option("--with", "asked", type=click.Choice([*WAYS, _AUTO]), default=_AUTO)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def main(asked: str, arguments: tuple[str, ...]) -> None:
    """Hand a command to the way that is chosen."""
    try:
        _run(asked, arguments)
    except HealthPredictError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
