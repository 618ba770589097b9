"""Wall time, CPU seconds and peak proportional memory of a command with all its descendants."""

import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import psutil

_SECONDS_BETWEEN_SAMPLES = 0.5


@dataclass(frozen=True)
class Usage:
    """What a command took; `peak_mb` is the largest sum of PSS, which counts shared pages once; `output` is stdout."""

    seconds: float
    cpu_seconds: float
    peak_mb: float
    output: str


def measure(command: Sequence[str], environment: Mapping[str, str]) -> Usage:
    """Run `command` to its end and sample its process tree; its progress and errors go where those of this one go.

    Raises:
        subprocess.CalledProcessError: it failed.
    """
    started = time.monotonic()
    with subprocess.Popen(command, env=dict(environment), stdout=subprocess.PIPE, text=True) as process:
        sampler = _Sampler(process.pid)
        sampler.start()
        output, _ = process.communicate()
        sampler.done.set()
        sampler.join()
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command, output)
    return Usage(time.monotonic() - started, sum(sampler.cpu.values()), sampler.peak / 1e6, output)


class _Sampler(threading.Thread):
    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.done = threading.Event()
        self.cpu: dict[tuple[int, float], float] = {}
        self.peak = 0.0
        self._root = psutil.Process(pid)

    def run(self) -> None:
        """Sample until told to stop; CPU seconds are kept per process, as last seen."""
        while not self.done.wait(_SECONDS_BETWEEN_SAMPLES):
            self.peak = max(self.peak, sum(self._sample(process) for process in self._tree()))

    def _tree(self) -> list[psutil.Process]:
        try:
            return [self._root, *self._root.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def _sample(self, process: psutil.Process) -> float:
        try:
            times = process.cpu_times()
            self.cpu[process.pid, process.create_time()] = times.user + times.system
            return float(process.memory_full_info().pss)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            return 0.0
