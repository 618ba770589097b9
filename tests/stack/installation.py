"""The services of the stack `airflow` on free ports, with a state folder of their own, and what a test asks them."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.pipelines.conftest import ROOT, Finished

PORTS = ("POSTGRES", "MLFLOW", "AIRFLOW")
BUCKET = "health-predict"
TRAIN_ON_AIRFLOW = "python run.py --pipeline train --stack airflow"  # as the README has it
KEYS = {
    "AWS_ACCESS_KEY_ID": "stack-tests",
    "AWS_SECRET_ACCESS_KEY": "stack-tests-secret",
    "AWS_DEFAULT_REGION": "us-east-1",
}
_OWN = ("ZENML_", "MLFLOW_", "HEALTH_PREDICT", "AWS_", "AIRFLOW")


@dataclass(frozen=True)
class Installation:
    """The project as one user has it: a state folder, services, and S3 at `s3_url`."""

    state: Path
    s3_url: str
    data: Path
    stack: str = "airflow"
    ports: dict[str, int] = field(default_factory=lambda: {name: free_port() for name in PORTS})

    @property
    def environment(self) -> dict[str, str]:
        """What a shell of this user has set."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(_OWN)}
        ports = {f"HEALTH_PREDICT_{name}_PORT": str(port) for name, port in self.ports.items()}
        own = {
            "HEALTH_PREDICT_STATE": str(self.state),
            "HEALTH_PREDICT_S3_ENDPOINT": self.s3_url,
            "HEALTH_PREDICT_BUCKET": BUCKET,
            "HEALTH_PREDICT_DATA": str(self.data),
            "HEALTH_PREDICT_MONITOR_SCHEDULE": "",  # the tests start it
            "COLUMNS": "160",
        }
        return kept | ports | KEYS | own

    def python(self, *arguments: str, timeout: float = 600) -> Finished:
        """Run the project's interpreter to its end."""
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=timeout,
        )
        return Finished(done.returncode, done.stdout, done.stderr)

    def run(self, *arguments: str) -> Finished:
        """Run run.py on the installation's stack."""
        return self.python("run.py", *arguments, "--stack", self.stack)

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        """Start the project's interpreter."""
        return subprocess.Popen(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def services(self, *arguments: str) -> Finished:
        """Call what `make services-...` calls."""
        return self.python("-m", "infra.processes", *arguments, timeout=300)

    def ask(self, question: str, *arguments: str) -> Any:
        """Ask ZenML, Airflow or MLflow in a process of its own, which knows this installation alone."""
        done = self.python("-m", "tests.stack.questions", "--stack", self.stack, question, *arguments)
        assert done.code == 0, done.errors
        return json.loads(done.output.splitlines()[-1])


def let_postgres_pass(folder: Path) -> None:
    """Open a temporary folder and the two above it to PostgreSQL, which runs as a user of its own."""
    for passed in (folder, *folder.parents[:2]):
        passed.chmod(passed.stat().st_mode | 0o011)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def finished(process: "subprocess.Popen[str]", timeout: float) -> Finished:
    """Wait for a started process."""
    output, _ = process.communicate(timeout=timeout)
    return Finished(process.returncode, output, output)


def run_name(done: Finished) -> str:
    """Read the name of the run that a command printed."""
    return next(line.partition(": ")[2] for line in done.output.splitlines() if line.startswith("run: "))


def lines_of(path: Path) -> Sequence[str]:
    return path.read_text().splitlines() if path.is_file() else []
