"""The operating system's side of a local endpoint: find its server, start it, end it with all its children.

A pid file alone proves nothing, since a pid may belong to another process by now: a process counts as the server only
if its environment names this endpoint's bundle.
"""

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from health_predict.errors import InfrastructureError
from stacks.environment import PROJECT

LAUNCH = Path(__file__).with_name("launch.py")
BUNDLE = "HEALTH_PREDICT_BUNDLE"
_KEPT = ("PATH", "LANG", "LC_ALL", "TMPDIR")  # of our environment, which may hold credentials
_NO_ENVIRONMENT = 0.5  # seconds; one start in some thousand shows it on a busy machine
_KILL_AFTER = 10.0  # seconds; gunicorn lets running requests finish first


@dataclass(frozen=True)
class ServerProcess:
    """The server that follows the link `bundle`; `python` is the interpreter of the serving environment."""

    bundle: Path
    python: Path
    pid_file: Path
    log_file: Path

    @property
    def port(self) -> int | None:
        """The port it listens on or did last; kept beside the pid, since a record elsewhere may be lost."""
        try:
            return int(self._port_file.read_text())
        except (OSError, ValueError):
            return None

    @property
    def _port_file(self) -> Path:
        return self.pid_file.with_name("server.port")

    def find(self) -> psutil.Process | None:
        """Return the running server, or None."""
        pid = self._last_pid()
        try:
            process = psutil.Process(pid) if pid else None
        except psutil.NoSuchProcess:
            return None
        return process if process and self._is_ours(process) else None

    def start(self, host: str, port: int, threads: int) -> None:
        """Start the server in a session of its own; returns at once.

        Raises:
            InfrastructureError: the serving environment is not there.
        """
        if not self.python.is_file():
            raise InfrastructureError(f"the model server's environment is missing ({self.python}); run: make setup")
        self.stop()  # a worker may have outlived its killed parent and hold the port
        environment = {name: os.environ[name] for name in _KEPT if name in os.environ} | {
            BUNDLE: str(self.bundle),
            "PYTHONPATH": str(PROJECT),
            "PYTHONDONTWRITEBYTECODE": "1",
            "MALLOC_TRIM_THRESHOLD_": "131072",  # what loading a model took is given back: 15 MB with a forest
            "HEALTH_PREDICT_HOST": host,
            "HEALTH_PREDICT_THREADS": str(threads),
            "PREDICTIVE_UNIT_HTTP_SERVICE_PORT": str(port),
        }
        self.pid_file.parent.mkdir(parents=True, exist_ok=True)
        self._port_file.write_text(str(port))
        subprocess.run(  # noqa: S603 - our own launcher
            [sys.executable, "-S", LAUNCH, self.pid_file, self.log_file, self.python, "-m", "serving"],
            env=environment,
            cwd=PROJECT,
            check=True,
        )

    def stop(self, *, force: bool = False) -> None:
        """End the server and its children, and return when they are gone."""
        members = self._members()
        for process in members:
            _signal(process, signal.SIGKILL if force else signal.SIGTERM)
        _, alive = psutil.wait_procs(members, timeout=_KILL_AFTER)
        for process in alive:
            _signal(process, signal.SIGKILL)
        psutil.wait_procs(alive, timeout=_KILL_AFTER)
        self.pid_file.unlink(missing_ok=True)

    def last_words(self) -> str:
        """Return the last line of the log, for a message."""
        lines = self.log_file.read_text(errors="replace").split("\n") if self.log_file.is_file() else []
        return next((line.strip() for line in reversed(lines) if line.strip()), "no log")

    def _last_pid(self) -> int | None:
        try:
            return int(self.pid_file.read_text())
        except (OSError, ValueError):
            return None

    def _members(self) -> list[psutil.Process]:
        """The processes of the server's session, also those that outlived the first one."""
        pid = self._last_pid()
        if pid is None:
            return []
        return [process for process in psutil.process_iter() if _session(process) == pid and self._is_ours(process)]

    def _is_ours(self, process: psutil.Process) -> bool:
        try:
            zombie = process.status() == psutil.STATUS_ZOMBIE
            return not zombie and _environment(process).get(BUNDLE) == str(self.bundle)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            return False


def _environment(process: psutil.Process) -> dict[str, str]:
    """Read it once it is there: for a moment after its start a process has none that can be seen."""
    end = time.monotonic() + _NO_ENVIRONMENT
    while not (found := process.environ()) and time.monotonic() < end:
        time.sleep(0.01)
    return found


def _session(process: psutil.Process) -> int | None:
    try:
        return os.getsid(process.pid)
    except OSError:
        return None


def _signal(process: psutil.Process, number: signal.Signals) -> None:
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        return


def wait_until_closed(host: str, port: int, timeout: float = _KILL_AFTER) -> bool:
    """Tell whether the port can be bound again within `timeout` seconds."""
    from zenml.utils.networking_utils import port_available

    end = time.monotonic() + timeout
    while not port_available(port, host):
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True
