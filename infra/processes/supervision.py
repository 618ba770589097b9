"""supervisord, which keeps the programs: its program file, its start, and what it is asked over its socket."""

import http.client
import os
import socket
import subprocess
import time
import xmlrpc.client
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from health_predict.errors import InfrastructureError, InputError
from infra.processes.place import SERVICES, Place, basic_environment
from infra.processes.program import Program
from infra.service_secrets import write_private
from stacks.environment import PROJECT

_START_UP, _SHUT_DOWN = 15.0, 90.0  # seconds
_LOG_SIZE = "10MB"


@dataclass(frozen=True)
class ProcessState:
    """What supervisord knows of a program: its state in supervisord's words, process id (0: none) and exit code."""

    state: str
    pid: int
    exit_code: int
    seconds: int


class Supervisor:
    """The supervisord of an installation."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._file = place.run / "supervisord.conf"
        self._socket = place.run / "supervisor.sock"

    def runs(self) -> bool:
        """Whether it answers."""
        try:
            self._ask("getState")
        except InfrastructureError:
            return False
        return True

    def has(self, programs: Sequence[Program]) -> bool:
        """Whether it was started with exactly these programs and settings."""
        return self._file.exists() and self._file.read_text(encoding="utf-8") == self._content(programs)

    def start(self, programs: Sequence[Program]) -> None:
        """Write the program file and start supervisord; it starts no program on its own."""
        if len(str(self._socket)) > 100:
            raise InfrastructureError(f"{self._socket}: too long a path for a socket; set HEALTH_PREDICT_STATE")
        write_private(self._file, self._content(programs))
        command = [str(SERVICES / "bin" / "supervisord"), "-c", str(self._file)]
        said = self._place.logs / "supervisord-start.log"  # it may quote the program file, so it is not shown
        with open(said, "w", opener=partial(os.open, mode=0o600)) as file:
            done = subprocess.run(command, env=basic_environment(), cwd=PROJECT, stdout=file, stderr=file)  # noqa: S603
        if done.returncode:
            raise InfrastructureError(f"supervisord did not start; see {said}")
        deadline = time.monotonic() + _START_UP
        while not self.runs():
            if time.monotonic() > deadline:
                raise InfrastructureError(f"supervisord does not answer; see {self._place.logs / 'supervisord.log'}")
            time.sleep(0.1)

    def start_program(self, name: str) -> None:
        """Start a program and do not wait for it."""
        self._ask("startProcess", name, False)

    def stop_program(self, name: str) -> None:
        """End a program and wait until it has; it stays ended."""
        self._ask("stopProcess", name)

    def states(self) -> dict[str, ProcessState]:
        """What each program does."""
        return {
            info["name"]: ProcessState(
                info["statename"], info["pid"], info["exitstatus"], max(0, info["now"] - info["start"])
            )
            for info in self._ask("getAllProcessInfo")
        }

    def stop(self) -> None:
        """End every program, in the reverse order of their start, and supervisord."""
        pid = int(self._ask("getPID"))
        self._ask("shutdown")
        deadline = time.monotonic() + _SHUT_DOWN
        while Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:
            time.sleep(0.1)
        if Path(f"/proc/{pid}").exists():
            raise InfrastructureError(f"supervisord (process {pid}) did not end within {_SHUT_DOWN:.0f} s")

    def _ask(self, method: str, *arguments: object) -> Any:  # noqa: ANN401 - whatever it answers
        proxy = xmlrpc.client.ServerProxy("http://supervisor/RPC2", transport=_UnixTransport(self._socket))
        try:
            return getattr(proxy.supervisor, method)(*arguments)
        except xmlrpc.client.Fault as fault:
            raise InfrastructureError(
                f"supervisord refused {method} {' '.join(map(str, arguments))}: {fault}"
            ) from None
        except (OSError, http.client.HTTPException, xmlrpc.client.Error) as error:
            raise InfrastructureError(f"supervisord does not answer at {self._socket}: {error}") from None

    def _content(self, programs: Sequence[Program]) -> str:
        sections: dict[str, dict[str, object]] = {
            "unix_http_server": {"file": self._socket, "chmod": "0600"},
            "supervisord": {
                "logfile": self._place.logs / "supervisord.log",
                "logfile_maxbytes": _LOG_SIZE,
                "pidfile": self._place.run / "supervisord.pid",
                "directory": PROJECT,
                "umask": "077",
            },
            "rpcinterface:supervisor": {
                "supervisor.rpcinterface_factory": "supervisor.rpcinterface:make_main_rpcinterface"
            },
        }
        for rank, program in enumerate(programs):
            sections[f"program:{program.name}"] = self._section(program, rank)
        return "\n".join(_ini(name, values) for name, values in sections.items())

    def _section(self, program: Program, rank: int) -> dict[str, object]:
        user = {"user": program.user} if program.user else {}
        return {
            "command": " ".join(_quoted(part) for part in program.command),
            "environment": ",".join(_variable(name, value) for name, value in program.environment.items()),
            "autostart": "false",
            "autorestart": "false" if program.once else "true",
            "startsecs": 0 if program.once else 2,
            "startretries": 10,
            "priority": 100 + rank,  # they are ended in the reverse order
            "stopsignal": program.stop_signal,
            "stopwaitsecs": program.stop_seconds,
            "stopasgroup": "false" if program.user else "true",
            "killasgroup": "true",
            "stdout_logfile": self._place.logs / f"{program.name}.log",
            "stdout_logfile_maxbytes": _LOG_SIZE,
            "stdout_logfile_backups": 2,
            "redirect_stderr": "true",
            **user,
        }


class _UnixTransport(xmlrpc.client.Transport):
    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def make_connection(self, host: object) -> http.client.HTTPConnection:  # noqa: ARG002
        """Connect to the socket whatever the host is."""
        return _UnixConnection(self._path)


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("supervisor", timeout=_SHUT_DOWN)
        self._path = path

    def connect(self) -> None:
        """Open the socket."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def _ini(name: str, values: dict[str, object]) -> str:
    return f"[{name}]\n" + "".join(f"{key}={value}\n" for key, value in values.items())


def _quoted(value: str) -> str:
    """A word as supervisord's file takes it: split like a shell's, with %% for %."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"'


def _variable(name: str, value: str) -> str:
    """A variable as supervisord's file takes it: it strips quotes off the ends, and knows no escape for them."""
    if any(character in value for character in "\"'\n"):
        raise InputError(f"{name}: holds a quote or a line break, which supervisord's file cannot express")
    return f'{name}="{value.replace("%", "%%")}"'
