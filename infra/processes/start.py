"""Brings the services up: checks first, then each program as soon as those that it needs are healthy."""

import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import psutil

from health_predict.errors import InfrastructureError, InputError
from infra.processes.airflow_settings import prepare_airflow
from infra.processes.left_behind import end_left_behind
from infra.processes.place import PIPELINES, SERVICES, Place
from infra.processes.ports import refuse_taken_ports
from infra.processes.postgres import create_cluster, install_postgres
from infra.processes.program import Program
from infra.processes.programs import prepare_mlflow, programs
from infra.processes.supervision import ProcessState, Supervisor
from infra.service_secrets import prepare_secrets
from infra.service_settings import ServiceSettings, addresses, write_addresses
from stacks.value_file import read_values

_PATIENCE, _POLL = 300.0, 0.4  # seconds
_MEMORY, _DISK = 3e9, 2e9  # bytes below which a hint is given
Say = Callable[[str], None]


def bring_up(settings: ServiceSettings, say: Say) -> tuple[Place, float]:
    """Start what does not run and wait until all is healthy; returns the installation and the seconds that it took.

    Raises InfrastructureError, naming service, reason and log, if one does not become healthy.
    """
    started = time.monotonic()
    _refuse_missing_environments()
    place = Place(settings, prepare_secrets(settings))
    table, supervisor = programs(place), Supervisor(place)
    if supervisor.runs():
        _refuse_other_addresses(settings)
        if not supervisor.has(table):
            say("hint: settings have changed; `make services-down services-up` takes the new ones")
    else:
        end_left_behind(place, say)
        refuse_taken_ports(table)
        _hint(settings, say)
        _prepare(place, say)
        supervisor.start(table)
    _Start(place, supervisor, table, say).to_the_end()
    return place, time.monotonic() - started


def start_one(place: Place, name: str, say: Say) -> None:
    """Start one service again, without looking at those that it needs, and wait until it is healthy."""
    program = next(one for one in programs(place) if one.name == name)
    _Start(place, Supervisor(place), (program,), say, healthy=set(program.after)).to_the_end()


def _refuse_missing_environments() -> None:
    for needed in (PIPELINES / "bin" / "python", SERVICES / "bin" / "supervisord"):
        if not needed.exists():
            raise InputError(f"{needed} is missing; run: make services-up")


def _refuse_other_addresses(settings: ServiceSettings) -> None:
    """Ports and names cannot change under programs that run."""
    if settings.addresses.exists() and read_values(settings.addresses) != addresses(settings):
        raise InputError(f"the services run with the ports and names of {settings.addresses}; run: make services-down")


def _hint(settings: ServiceSettings, say: Say) -> None:
    free, disk = psutil.virtual_memory().available, shutil.disk_usage(settings.folder).free
    if free < _MEMORY:
        say(f"hint: {free / 1e9:.1f} GB of memory are free, the services take about {_MEMORY / 1e9:.0f} GB")
    if disk < _DISK:
        say(f"hint: {disk / 1e9:.1f} GB of disk are free below {settings.folder}")


def _prepare(place: Place, say: Say) -> None:
    try:
        place.settings.folder.chmod(0o711)  # PostgreSQL's user passes through it
        for folder in (place.run, place.logs, place.s3):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if install_postgres():
            say("postgres: Debian's package installed")
        if create_cluster(place):
            say("postgres: data folder made")
        prepare_airflow(place)
        prepare_mlflow(place)
    except OSError as error:
        raise InfrastructureError(f"{error.filename}: {error.strerror}; set HEALTH_PREDICT_STATE") from None
    write_addresses(place.settings)


@dataclass
class _Start:
    place: Place
    supervisor: Supervisor
    table: Sequence[Program]
    say: Say
    healthy: set[str] = field(default_factory=set)
    begun: dict[str, float] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)

    def to_the_end(self) -> None:
        """Start and ask, until every program is healthy."""
        deadline = time.monotonic() + _PATIENCE
        while not self.healthy.issuperset(program.name for program in self.table):
            states = self.supervisor.states()
            for program in self.table:
                if program.name not in self.healthy and self.healthy.issuperset(program.after):
                    self._advance(program, states[program.name])
            if time.monotonic() > deadline:
                raise self._failure()
            time.sleep(_POLL)

    def _advance(self, program: Program, state: ProcessState) -> None:
        if program.name not in self.begun:
            self.begun[program.name] = time.monotonic()
            if state.state not in ("RUNNING", "STARTING", "BACKOFF") and ailment(program, state):
                self.supervisor.start_program(program.name)
                return
        reason = ailment(program, state)
        self.reasons[program.name] = reason
        if state.state == "FATAL" or (program.once and state.state == "EXITED" and state.exit_code):
            raise self._failure()
        if not reason:
            if program.ready:
                program.ready()
            self.healthy.add(program.name)
            self.say(f"{program.name}: healthy after {time.monotonic() - self.begun[program.name]:.1f} s")

    def _failure(self) -> InfrastructureError:
        waiting = [program.name for program in self.table if program.name not in self.healthy]
        name = next((one for one in waiting if self.reasons.get(one)), waiting[0])
        log = self.place.logs / f"{name}.log"
        return InfrastructureError(f"{name} is not healthy ({self.reasons.get(name, 'not started')}); see {log}")


def ailment(program: Program, state: ProcessState) -> str:
    """What is wrong with a program, in words; empty if it is healthy."""
    if program.once:
        done = state.state == "EXITED" and not state.exit_code
        return "" if done else f"{state.state.lower()}, exit code {state.exit_code}"
    if state.state != "RUNNING":
        return state.state.lower()
    return program.check()
