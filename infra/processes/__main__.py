"""The services as processes: `python -m infra.processes up|down|stop|start|status|logs|rotate [NAME]`."""

import os
import shutil
import sys
from collections.abc import Sequence

import click

from health_predict.errors import InfrastructureError, InputError
from infra.command_line import run
from infra.processes.left_behind import end_left_behind, end_session, session_of
from infra.processes.place import Place
from infra.processes.programs import programs
from infra.processes.report import look, show_addresses, show_health
from infra.processes.rotation import rotate
from infra.processes.start import bring_up, start_one
from infra.processes.supervision import Supervisor
from infra.service_secrets import load_secrets
from infra.service_settings import read_settings
from stacks.environment import prepare
from stacks.stack_file import suggestion


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """PostgreSQL, S3, MLflow and Airflow as supervised processes on 127.0.0.1."""
    prepare()


@cli.command()
def up() -> None:
    """Start what does not run, and wait until all is healthy."""
    place, seconds = bring_up(read_settings(), click.echo)
    click.echo(f"all services are up and healthy ({seconds:.0f} s)\n")
    show_addresses(place)


@cli.command()
@click.option("--delete-data", is_flag=True, help="Also delete databases, objects, logs and secrets; asks first.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def down(*, delete_data: bool, yes: bool) -> None:
    """End all of them; data is kept."""
    settings = read_settings()
    if delete_data and not yes:
        click.confirm(f"delete everything below {settings.folder}?", abort=True)
    _end(Place(settings, {}))
    if delete_data:
        shutil.rmtree(settings.folder, ignore_errors=True)
        click.echo(f"deleted {settings.folder}")


@cli.command("rotate")
def rotate_secrets() -> None:
    """Draw all secrets anew, and start the services again with them."""
    place = _place()
    if not Supervisor(place).runs():
        raise InfrastructureError("the services do not run; run: make services-up")
    rotate(place, click.echo)
    _end(place)
    place, seconds = bring_up(read_settings(), click.echo)
    click.echo(f"all services are up and healthy with new secrets ({seconds:.0f} s)\n")
    show_addresses(place)


@cli.command()
@click.argument("name")
def stop(name: str) -> None:
    """End one service; it stays ended until it is started."""
    place = _running(name)
    if Supervisor(place).states()[name].pid:
        Supervisor(place).stop_program(name)
    click.echo(f"{name}: ended")


@cli.command()
@click.argument("name")
def start(name: str) -> None:
    """Start one service, and wait until it is healthy."""
    start_one(_running(name), name, click.echo)


@cli.command()
def status() -> None:
    """Show each service's health and memory; exit code 5 if one is not healthy."""
    services = look(_place())
    show_health(services)
    ill = [one.name for one in services if one.reason]
    if ill:
        raise InfrastructureError(f"not healthy: {', '.join(ill)}; run: make services-up")


@cli.command()
@click.argument("name", required=False)
@click.option("-f", "--follow", is_flag=True, help="Go on until Ctrl+C.")
@click.option("-n", "--lines", default=50, show_default=True, help="Lines of each.")
def logs(name: str | None, *, follow: bool, lines: int) -> None:
    """Show the logs of one service, or of all."""
    place = _place()
    known = [*_names(place), "supervisord"]
    if name is not None:
        _refuse_unknown(name, known)
    files = [place.logs / f"{one}.log" for one in ([name] if name else known)]
    present = [str(file) for file in files if file.exists()]
    if not present:
        raise InfrastructureError(f"{place.logs}: no log yet; run: make services-up")
    sys.stdout.flush()
    os.execvp("tail", ["tail", f"--lines={lines}", *(["-F"] if follow else []), *present])  # noqa: S606, S607


def _end(place: Place) -> None:
    if Supervisor(place).runs():
        session = session_of(place)
        Supervisor(place).stop()
        if session:  # the workers of an Airflow scheduler that was killed
            end_session(session, click.echo)
        click.echo("services: ended")
    elif not end_left_behind(place, click.echo):
        click.echo("services: were not running")


def _place() -> Place:
    settings = read_settings()
    return Place(settings, load_secrets(settings.secrets))


def _names(place: Place) -> list[str]:
    return [program.name for program in programs(place)]


def _running(name: str) -> Place:
    """The installation, whose supervisord runs and has the service."""
    place = _place()
    _refuse_unknown(name, _names(place))
    if not Supervisor(place).runs():
        raise InfrastructureError("the services do not run; run: make services-up")
    return place


def _refuse_unknown(name: str, known: Sequence[str]) -> None:
    if name not in known:
        raise InputError(f"there is no service '{name}'{suggestion(name, known)}")


if __name__ == "__main__":
    run(cli)
