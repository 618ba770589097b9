"""The services in containers: `python -m infra.compose up|down|status|logs|image`."""

import shutil
import subprocess

import click

from health_predict.errors import InfrastructureError, InputError
from infra.command_line import run
from infra.compose.context import stage_again
from infra.compose.health import look, show, wait_until_healthy
from infra.compose.project import Compose, give_to_containers, open_project
from infra.processes.airflow_settings import DRIVER_DAGS
from infra.processes.ports import holder_of
from infra.service_settings import HOST, ServiceSettings, read_settings, write_addresses
from stacks.environment import PROJECT, prepare, state_folder

_PATIENCE = 600.0  # seconds for all to become healthy, once the images are there
_PYTHON = "HEALTH_PREDICT_PYTHON_IMAGE"


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """PostgreSQL, MySQL, S3, MLflow, ZenML and Airflow in containers, listening on 127.0.0.1."""
    prepare()


@cli.command()
@click.option("--notebook", is_flag=True, help="JupyterLab, too.")
@click.option("--build/--no-build", default=True, show_default=True, help="Build our images (cached).")
def up(*, notebook: bool, build: bool) -> None:
    """Start what does not run, and wait until all is healthy."""
    settings = read_settings()
    compose = open_project(settings)
    profiles = ("core", "notebook") if notebook else ("core",)
    if not look(compose):
        _refuse_taken_ports(compose, notebook)
    if build:
        _build(compose, ["s3", "notebook"] if notebook else ["s3"])
    _prepare_folders(settings)
    compose.run("up", "--detach", "--no-build", "--remove-orphans", profiles=profiles)
    wait_until_healthy(compose, _PATIENCE, click.echo)
    _show_addresses(settings)


@cli.command()
@click.option("--delete-data", is_flag=True, help="Also delete the volumes; asks first.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def down(*, delete_data: bool, yes: bool) -> None:
    """End all of them; data is kept."""
    if delete_data and not yes:
        click.confirm("delete the volumes with all databases and objects?", abort=True)
    open_project(read_settings()).run("down", *(["--volumes"] if delete_data else []))


@cli.command()
def status() -> None:
    """Show each container and its health; exit code 5 if one is not healthy."""
    show(open_project(read_settings()), click.echo)


@cli.command()
@click.argument("name", required=False)
@click.option("-f", "--follow", is_flag=True, help="Go on until Ctrl+C.")
@click.option("-n", "--lines", default=50, show_default=True, help="Lines of each.")
def logs(name: str | None, *, follow: bool, lines: int) -> None:
    """Show the logs of one service, or of all."""
    options = [f"--tail={lines}", *(["--follow"] if follow else []), *([name] if name else [])]
    open_project(read_settings()).run("logs", *options)


@cli.command()
@click.argument("target", type=click.Choice(["pipeline"]))
@click.argument("tag")
@click.option("--base-image", default="python:3.11-slim-bookworm", envvar=_PYTHON, show_default=True)
def image(target: str, tag: str, base_image: str) -> None:
    """Build the environment of steps in containers (DockerOperator) as TAG: the base image of steps.Dockerfile."""
    context = stage_again(target)
    build = ["docker", "build", "--quiet", "--tag", tag, "--target", target, "--build-arg", f"BASE_IMAGE={base_image}"]
    if subprocess.run([*build, str(context)]).returncode:  # noqa: S603 - Docker
        asked = f"is {base_image} there, and does `docker info` answer?"
        raise InfrastructureError(f"{tag} could not be built, see above; {asked}")


def _refuse_taken_ports(compose: Compose, notebook: bool) -> None:
    for name, port in compose.variables.items():
        wanted = name.endswith("_PORT") and (notebook or name != "HEALTH_PREDICT_JUPYTER_PORT")
        if wanted and (holder := holder_of(int(port))):
            raise InfrastructureError(f"port {port} is taken by {holder}; end that, or set {name} to a free port")


def _build(compose: Compose, services: list[str]) -> None:
    for service in services:
        stage_again("services" if service == "s3" else service)
        compose.run("build", service)


def _prepare_folders(settings: ServiceSettings) -> None:
    if not (PROJECT / ".venv-serving").is_dir():
        raise InputError(f"{PROJECT}/.venv-serving is missing (the scheduler mounts its own over it); run: make setup")
    shutil.copytree(DRIVER_DAGS, settings.dags, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    write_addresses(settings)
    give_to_containers(state_folder())


def _show_addresses(settings: ServiceSettings) -> None:
    click.echo(f"Airflow: {settings.airflow_url} (user {settings.airflow_user})")
    click.echo(f"MLflow:  {settings.mlflow_url} (user {settings.mlflow_user})")
    click.echo(f"S3:      {settings.s3_url} (bucket {settings.bucket})")
    click.echo(f"ZenML:   http://{HOST}:{settings.zenml_port} (user admin)")
    click.echo(f"secrets: {settings.secrets} (mode 0600)")
    click.echo(f"for clients of this ZenML server:  set -a; . {settings.folder / 'zenml.env'}; set +a")


if __name__ == "__main__":
    run(cli)
