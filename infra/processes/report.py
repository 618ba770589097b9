"""What the services are doing, as tables for people."""

from collections.abc import Sequence
from dataclasses import dataclass

import psutil
from rich.console import Console
from rich.table import Table

from infra.processes.place import Place
from infra.processes.programs import programs
from infra.processes.start import ailment
from infra.processes.supervision import ProcessState, Supervisor

_DOWN = ProcessState("STOPPED", 0, 0, 0)


@dataclass(frozen=True)
class ServiceHealth:
    """How a service is: `reason` says what is wrong, empty for nothing; `memory_mb` is proportional (PSS)."""

    name: str
    state: str
    pid: int
    seconds: int
    memory_mb: float
    reason: str


def look(place: Place) -> list[ServiceHealth]:
    """Ask every service how it is."""
    supervisor = Supervisor(place)
    states = supervisor.states() if supervisor.runs() else {}
    found = []
    for program in programs(place):
        state = states.get(program.name, _DOWN)
        reason = ailment(program, state)
        shown = "done" if program.once and not reason else state.state.lower()
        found.append(ServiceHealth(program.name, shown, state.pid, state.seconds, memory(state.pid) / 1e6, reason))
    return found


def memory(pid: int) -> float:
    """Bytes of a process and its descendants, shared pages in proportion; 0 if it is gone."""
    if not pid:
        return 0.0
    total = 0.0
    try:
        root = psutil.Process(pid)
        family = [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0.0
    for process in family:
        try:
            total += process.memory_full_info().pss
        except (psutil.NoSuchProcess, psutil.AccessDenied):  # ended meanwhile, or of PostgreSQL's user
            continue
    return total


def show_health(services: Sequence[ServiceHealth]) -> None:
    """Print one line a service."""
    table = Table("service", "state", "health", "process", "up", "memory", box=None)
    for one in services:
        up = f"{one.seconds // 60} min {one.seconds % 60} s" if one.pid else ""
        used = f"{one.memory_mb:.0f} MB" if one.pid else ""
        table.add_row(one.name, one.state, one.reason or "healthy", str(one.pid or ""), up, used)
    console = Console()
    console.print(table)
    console.print(f"memory of all: {sum(one.memory_mb for one in services) / 1000:.2f} GB (proportional)")


def show_addresses(place: Place) -> None:
    """Print where the services are, whom they let in, and where the passwords lie; never a password."""
    settings = place.settings
    table = Table("service", "address", "user", "password in secrets.env", box=None)
    table.add_row("Airflow", settings.airflow_url, settings.airflow_user, "AIRFLOW_ADMIN_PASSWORD")
    table.add_row("MLflow", settings.mlflow_url, settings.mlflow_user, "MLFLOW_ADMIN_PASSWORD")
    table.add_row("S3", f"{settings.s3_url} (bucket {settings.bucket})", "S3_ACCESS_KEY", "S3_SECRET_KEY")
    table.add_row("PostgreSQL", f"127.0.0.1:{settings.postgres_port}", "postgres", "POSTGRES_PASSWORD")
    console = Console(soft_wrap=True)
    console.print(table)
    console.print(f"secrets: {settings.secrets} (mode 0600)\nDAGs:    {settings.dags}\nlogs:    {place.logs}")
