"""How long the services take until all are healthy, and their memory: `python -m benchmarks.services [--quick]`.

A first start makes databases and tables, a second one finds them. Memory is proportional (PSS), two minutes after.
Needs .venv-services (make services-up makes it) and starts everything on free ports, in a folder of its own.
"""

import argparse
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import command_line

SERVICES = ("POSTGRES", "S3", "MLFLOW", "AIRFLOW", "ZENML", "JUPYTER")
SETTLED = 120.0  # seconds
SECONDS, GIGABYTES = 60, 4  # what we claim


def main() -> None:
    """Start, end, start again, look, end; exit code 1 if a figure is over what we claim (not with --quick)."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    quick = command_line.parse(parser).quick
    print(f"load average before: {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o711)  # PostgreSQL's user passes through it
        environment = {**os.environ, "HEALTH_PREDICT_STATE": folder, **_ports()}
        environment.pop("HEALTH_PREDICT_S3_ENDPOINT", None)
        try:
            first = _start(environment)
            _run(environment, "down")
            second = _start(environment)
            time.sleep(0 if quick else SETTLED)
            status = _run(environment, "status")
        finally:
            _run(environment, "down")
    memory = float(status.rpartition("memory of all: ")[2].split()[0])
    print(status)
    print(f"healthy after {first:.0f} s at the first start, {second:.0f} s later; {memory:.2f} GB")
    sys.exit(0 if quick or (max(first, second) <= SECONDS and memory <= GIGABYTES) else 1)


def _start(environment: dict[str, str]) -> float:
    started = time.monotonic()
    print("\n".join(line for line in _run(environment, "up").splitlines() if "healthy" in line))
    return time.monotonic() - started


def _run(environment: dict[str, str], command: str) -> str:
    done = subprocess.run([sys.executable, "-m", "infra.processes", command], env=environment, stdout=subprocess.PIPE)
    if done.returncode:
        raise SystemExit(f"{command} ended with {done.returncode}")
    return done.stdout.decode()


def _ports() -> dict[str, str]:
    """Free ports; all are held until the last one is found, so that they differ."""
    sockets = [socket.socket() for _ in SERVICES]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        numbers = [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()
    return {f"HEALTH_PREDICT_{name}_PORT": str(number) for name, number in zip(SERVICES, numbers, strict=True)}


if __name__ == "__main__":
    command_line.run(main)
