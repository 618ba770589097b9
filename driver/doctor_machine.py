"""What the doctor looks at on this machine: environments, memory, disk, state folder, ports, data."""

import os
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from driver.doctor_finding import Finding, asked
from health_predict.reading import CSV_NAME
from infra.processes.ports import Holder, holder_of
from infra.service_settings import ServiceSettings
from stacks.environment import PROJECT, cache_folder, state_folder

PYTHON = (3, 11)
_LEAST_MEMORY, _SERVICES_MEMORY = 1500, 4000  # MB: what a training needs, and what all services together may take
_LEAST_DISK, _MUCH_DISK = 1000, 5000  # MB below which training refuses to start, and from which there is no worry


@dataclass(frozen=True)
class Environment:
    """A virtual environment: whether its interpreter is there, and whether it is newer than its lock."""

    folder: str
    cure: str
    there: bool
    fresh: bool


def environment_of(folder: str, stamps: Mapping[str, str], cure: str, project: Path = PROJECT) -> Environment:
    """Look at an environment; `stamps` maps the file that marks an installation to the lock that it was made from."""
    place = project / folder
    pairs = [(place / stamp, project / lock) for stamp, lock in stamps.items() if (place / stamp).exists()]
    fresh = any(stamp.stat().st_mtime >= lock.stat().st_mtime for stamp, lock in pairs)
    return Environment(folder, cure, (place / "bin" / "python").exists(), fresh)


def environment_finding(found: Environment) -> Finding:
    """Tell whether an environment can be used."""
    name = f"environment {found.folder}"
    if not found.there:
        return Finding(name, "FAIL", "is not there", found.cure)
    if not found.fresh:
        return Finding(name, "warn", "is older than its lock, or its installation was cut off", found.cure)
    return Finding(name, "ok", "up to date with its lock")


def python_finding(version: tuple[int, int], executable: str) -> Finding:
    """Tell whether the interpreter is the one that the locks are made for."""
    shown = ".".join(map(str, version))
    if version != PYTHON:
        return Finding("Python", "FAIL", f"{shown} ({executable})", "install Python 3.11, then: make setup")
    return Finding("Python", "ok", f"{shown} ({executable})")


def memory_finding(available_mb: int, *, services_to_start: bool) -> Finding:
    """Tell whether a training, and services that do not run yet, have enough memory."""
    needed = _LEAST_MEMORY + (_SERVICES_MEMORY if services_to_start else 0)
    told = f"{available_mb:,} MB free, {needed:,} MB wanted"
    if available_mb < needed:
        return Finding("memory", "warn", told, "end other programs, or set search.cpus=1 for training")
    return Finding("memory", "ok", told)


def disk_finding(folder: Path, free_mb: int) -> Finding:
    """Tell whether the disk of the state folder has space."""
    told = f"{free_mb:,} MB free for {folder}"
    cure = "free some, or set HEALTH_PREDICT_STATE to a folder on another disk"
    if free_mb < _LEAST_DISK:
        return Finding("disk", "FAIL", f"{told}, {_LEAST_DISK:,} MB needed", cure)
    return Finding("disk", "warn", told, cure) if free_mb < _MUCH_DISK else Finding("disk", "ok", told)


def folder_finding(name: str, folder: Path, trouble: str, cure: str) -> Finding:
    """Tell whether files can be made in a folder; `trouble` says why not, empty if they can."""
    return Finding(name, "FAIL", f"{folder}: {trouble}", cure) if trouble else Finding(name, "ok", f"{folder}")


def trouble_writing(folder: Path) -> str:
    """Try to make a file in a folder, or in the nearest one that exists; why that failed, empty if it did not."""
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    try:
        with tempfile.NamedTemporaryFile(dir=existing, prefix=".doctor-"):
            return ""
    except OSError as error:
        return f"cannot be written ({error.strerror})"


def port_finding(service: str, port: int, variable: str, holder: Holder | None, *, ours: bool) -> Finding:
    """Tell whether a service can have its port."""
    name = f"port {port} ({service})"
    if holder is None:
        return Finding(name, "ok", "free")
    if ours:
        return Finding(name, "ok", f"held by our own service: {holder}")
    return Finding(name, "FAIL", f"taken by {holder}", f"end that, or set {variable} to a free port")


def data_finding(named: str | None, *, cached: bool, readable: bool) -> Finding:
    """Tell where training would take its data from; `readable` is of the file that is named."""
    cure = "export HEALTH_PREDICT_DATA=/path/to/diabetic_data.csv (or the UCI zip)"
    if named == "synthetic":
        return Finding("data", "warn", "SYNTHETIC DATA is asked for", cure)
    if named:
        told = named if readable else f"HEALTH_PREDICT_DATA names {named}, which cannot be read"
        return Finding("data", "ok" if readable else "FAIL", told, "" if readable else cure)
    if cached:
        return Finding("data", "ok", "the cache of an earlier download")
    return Finding("data", "warn", "no file is named: UCI is asked, else the data are SYNTHETIC", cure)


def machine_findings(environments: Sequence[str], settings: ServiceSettings | None) -> list[Finding]:
    """Look at this machine.

    Args:
        environments: the folders that the stack needs.
        settings: of the services, None for a stack that needs none.
    """
    ports = _ports(settings) if settings else []
    to_start = bool(settings) and any(port.told == "free" for port in ports)
    state = state_folder()
    existing = next(path for path in (state, *state.parents) if path.exists())
    return [
        python_finding((sys.version_info[0], sys.version_info[1]), sys.executable),
        *(_environment(folder) for folder in environments),
        memory_finding(psutil.virtual_memory().available // 1_000_000, services_to_start=to_start),
        disk_finding(state, shutil.disk_usage(existing).free // 1_000_000),
        folder_finding("state folder", state, trouble_writing(state), "set HEALTH_PREDICT_STATE to one of yours"),
        *ports,
        _data(),
    ]


_ENVIRONMENTS = {
    ".venv": ({".pipeline": "requirements/pipeline.txt", ".dev": "requirements/dev.txt"}, "make setup"),
    ".venv-serving": ({".serving": "requirements/serving.txt"}, "make setup"),
    ".venv-services": ({".services": "requirements/services.txt"}, "make services-up"),
}


def _environment(folder: str) -> Finding:
    inside = Path(sys.prefix) == PROJECT / folder
    if folder == ".venv" and not inside:  # in an image the environment lies elsewhere
        return Finding(f"environment {folder}", "ok", f"not used: this runs in {sys.prefix}")
    if folder == ".venv-services" and in_containers(state_folder() / "services"):
        return Finding(f"environment {folder}", "ok", "not used: the services run in containers")
    return environment_finding(environment_of(folder, *_ENVIRONMENTS[folder]))


def _ports(settings: ServiceSettings) -> list[Finding]:
    services = {"postgres": settings.postgres_port, "mlflow": settings.mlflow_port, "airflow": settings.airflow_port}
    services |= {} if settings.s3_endpoint else {"s3": settings.s3_port}
    found = []
    for service, port in services.items():
        holder = holder_of(port)
        variable = f"HEALTH_PREDICT_{service.upper()}_PORT"
        found.append(port_finding(service, port, variable, holder, ours=_is_ours(holder, settings)))
    return found


def in_containers(services: Path) -> bool:
    """Tell whether the services were started by Compose, which keeps what its images are built from there."""
    return (services / "images").is_dir()


def _is_ours(holder: Holder | None, settings: ServiceSettings) -> bool:
    """Whether our supervisord or a container started it."""
    if holder is None or not holder.pid:
        return False
    with suppress(psutil.Error, OSError, ValueError):
        cgroup = Path(f"/proc/{holder.pid}/cgroup").read_text(encoding="utf-8")
        if "docker" in cgroup and in_containers(settings.folder):
            return True
        supervisor = int((settings.folder / "run" / "supervisord.pid").read_text(encoding="utf-8"))
        return supervisor in (parent.pid for parent in psutil.Process(holder.pid).parents())
    return False


def _data() -> Finding:
    named = os.environ.get("HEALTH_PREDICT_DATA")
    if named and named.startswith("s3://"):
        return asked("data", lambda: _in_object_storage(named))
    readable = bool(named) and Path(str(named)).is_file() and os.access(str(named), os.R_OK)
    return data_finding(named, cached=(cache_folder() / CSV_NAME).is_file(), readable=readable)


def _in_object_storage(uri: str) -> str:
    from adapters.object_storage import check_object  # boto3 costs a second

    return f"{uri}, {check_object(uri) / 1e6:,.1f} MB"
