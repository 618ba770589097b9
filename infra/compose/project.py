"""What Compose is called with: its command, and every variable that compose.yaml asks for."""

import os
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from health_predict.errors import InfrastructureError
from infra.compose.context import image_folder
from infra.service_secrets import prepare_secrets, write_private
from infra.service_settings import SETTINGS, ServiceSettings, read_settings
from stacks.environment import PROJECT, state_folder
from stacks.value_file import read_values

FILE = PROJECT / "infra" / "compose" / "compose.yaml"
FIND = PROJECT / "infra" / "images" / "docker-compose.sh"
PROFILES = ("core", "notebook")
NOBODY = 10001  # the images' own user
OWN = {"HEALTH_PREDICT_MYSQL_PORT": "3306"}  # what only the containers have


@dataclass(frozen=True)
class Compose:
    """Compose on this project's file; `variables`, secrets too, reach it by a file that only its owner can read."""

    command: tuple[str, ...]
    file: Path
    variables: Mapping[str, str] = field(repr=False)

    def arguments(self, *arguments: str, profiles: Iterable[str] = PROFILES) -> list[str]:
        """The whole command line."""
        chosen = [f"--profile={profile}" for profile in profiles]
        extra = self.variables.get("HEALTH_PREDICT_COMPOSE_EXTRA")  # such as infra/aws/compose.yaml
        files = [f"--file={FILE}", *([f"--file={extra}"] if extra else [])]
        options = ["--project-name=health-predict", f"--env-file={self.file}", *files, *chosen]
        return [*self.command, *options, *arguments]

    def run(self, *arguments: str, profiles: Iterable[str] = PROFILES) -> None:
        """Run a command of Compose, whose output goes to the terminal.

        Raises InfrastructureError, with the command to repeat it by hand.
        """
        line = self.arguments(*arguments, profiles=profiles)
        if subprocess.run(line, env=_without_ours(self.variables)).returncode:  # noqa: S603 - Compose itself
            raise InfrastructureError(f"compose {arguments[0]} failed, see above; by hand: {' '.join(line)}")

    def output(self, *arguments: str) -> str:
        """Run a command of Compose and return what it printed; InfrastructureError with its last line."""
        done = subprocess.run(  # noqa: S603 - Compose itself
            self.arguments(*arguments), env=_without_ours(self.variables), capture_output=True, text=True
        )
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise InfrastructureError(f"compose {arguments[0]} failed: {last}")
        return done.stdout


def open_project(settings: ServiceSettings, environment: Mapping[str, str] = os.environ) -> Compose:
    """Draw the secrets if they are not there, and write the file that Compose takes its variables from.

    Raises InputError for a weak secret, InfrastructureError where there is no Compose.
    """
    command = find_compose()
    for name in ("services", "notebook"):  # docker-compose asks for the folders of all builds, whatever it is to do
        image_folder(name).mkdir(parents=True, exist_ok=True)
    variables = variables_of(prepare_secrets(settings), environment)
    file = settings.folder / "compose.env"
    write_private(file, "".join(f"{name}={value}\n" for name, value in variables.items()))
    return Compose(command, file, variables)


def find_compose() -> tuple[str, ...]:
    """Return `docker compose` or `docker-compose`, installed where possible; InfrastructureError if there is none."""
    done = subprocess.run([str(FIND)], capture_output=True, text=True)  # noqa: S603 - our own script
    if done.returncode:
        raise InfrastructureError(f"{done.stderr.strip()}; or run: make services-up SERVICES=processes")
    return tuple(done.stdout.split())


def variables_of(secrets: Mapping[str, str], environment: Mapping[str, str]) -> dict[str, str]:
    """Every variable: infra/services.env, what the environment sets otherwise, secrets, folders and their owner."""
    names = read_values(SETTINGS)
    chosen = {name: value for name, value in environment.items() if name.startswith("HEALTH_PREDICT_")}
    chosen = {name: value for name, value in chosen.items() if value or name not in names}  # as read_settings does
    user, group = owner_of(state_folder())
    return {
        **OWN,
        "HEALTH_PREDICT_STEPS_CPUS": str(os.cpu_count() or 1),  # Docker refuses more than there are
        **names,
        **chosen,
        **secrets,
        "HEALTH_PREDICT_S3_ENDPOINT": read_settings(environment).s3_url,
        "HEALTH_PREDICT_PROJECT": str(PROJECT),
        "HEALTH_PREDICT_STATE": str(state_folder()),
        "HEALTH_PREDICT_UID": str(user),
        "HEALTH_PREDICT_GID": str(group),
    }


def owner_of(folder: Path) -> tuple[int, int]:
    """User and group that the containers run as: those of the state folder, but never root's."""
    status = folder.stat()
    return (status.st_uid, status.st_gid) if status.st_uid else (NOBODY, NOBODY)


def give_to_containers(folder: Path) -> None:
    """Where root works on the state, hand its files to the user of the containers; root can still use them."""
    if os.getuid():
        return
    user, group = owner_of(folder)
    for path in (folder, *folder.rglob("*")):
        os.chown(path, user, group, follow_symlinks=False)


def _without_ours(variables: Mapping[str, str]) -> dict[str, str]:
    """The environment wins over the file in Compose, so nothing that the file says may stand there, too."""
    return {name: value for name, value in os.environ.items() if name not in variables}
