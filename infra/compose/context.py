"""The build contexts of the images: a Dockerfile, what it copies, and its locked packages as wheels."""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from adapters.serving_context import fetch_wheels
from stacks.environment import PROJECT, state_folder

INFRA = PROJECT / "infra"
ENVIRONMENT = INFRA / "images" / "environment.sh"
LOCKS = PROJECT / "requirements"


@dataclass(frozen=True)
class Image:
    """What is staged for one image: its Dockerfile, the locks it installs, files beside them."""

    dockerfile: Path
    locks: tuple[str, ...]
    files: tuple[Path, ...] = ()


IMAGES: Mapping[str, Image] = {
    "services": Image(
        INFRA / "airflow" / "Dockerfile",
        ("pipeline", "services", "serving"),
        tuple(INFRA / "airflow" / name for name in ("answers.py", "mlflow_auth.ini"))
        + tuple(sorted((INFRA / "airflow").glob("start-*.sh"))),
    ),
    "pipeline": Image(INFRA / "airflow" / "Dockerfile", ("pipeline",)),
    "notebook": Image(
        INFRA / "compose" / "notebook.Dockerfile", ("notebook",), (INFRA / "compose" / "start-notebook.sh",)
    ),
}


def stage(name: str, target: Path, *, machine: str | None = None, locks: Path = LOCKS, wheels: Path) -> Path:
    """Fill `target`, which must not be there, with the build context of the image `name`.

    Args:
        machine: the kind that the image is for; by default this one's.
        locks: the folder of the locks.
        wheels: a folder that keeps downloaded packages; those of the context are links to them.

    Returns:
        `target`.

    Raises:
        InfrastructureError: the packages cannot be fetched.
    """
    image = IMAGES[name]
    (target / "requirements").mkdir(parents=True)
    shutil.copy(image.dockerfile, target / "Dockerfile")
    for file in (ENVIRONMENT, *image.files):
        shutil.copy(file, target)
    (target / ".dockerignore").write_text("# nothing: what is here was chosen\n")
    for lock in ("installer", *image.locks):
        file = Path(shutil.copy(locks / f"{lock}.txt", target / "requirements"))
        shutil.copytree(fetch_wheels([file], wheels, machine), target / "wheelhouse" / lock, copy_function=_link)
    return target


def image_folder(name: str) -> Path:
    """The folder of the state that Compose builds the image `name` from."""
    return state_folder() / "services" / "images" / name


def stage_again(name: str, machine: str | None = None) -> Path:
    """Stage the image `name` in its folder, in place of an older context."""
    target = image_folder(name)
    shutil.rmtree(target, ignore_errors=True)
    return stage(name, target, machine=machine, wheels=state_folder() / "wheels")


def _link(source: str, target: str) -> None:
    """A second name of the same file; a copy where the folders are on different disks."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
