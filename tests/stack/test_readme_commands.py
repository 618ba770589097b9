"""The README's commands that need services, followed as a user follows them: one after the other, in one shell each.

Where a command would take long, what is appended makes it short: the same code with the fewest repetitions.
"""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pipelines.conftest import ROOT
from tests.stack.installation import free_port, let_postgres_pass

pytestmark = pytest.mark.stack
SERVICES = ("POSTGRES", "S3", "MLFLOW", "AIRFLOW", "ZENML", "JUPYTER")
# as the README has it -> as it is executed; tests/docs/test_readme_commands.py holds the two against each other
EXECUTED = {
    "make services-up": "make services-up SERVICES=processes",
    ". ./env.sh": ". ./env.sh && zenml stack list",
    "zenml stack set airflow": ". ./env.sh && zenml stack set airflow",
    "python -m benchmarks.airflow --runs 3 --stack airflow": (
        ". ./env.sh && python -m benchmarks.airflow --runs 3 --stack airflow --quick"
    ),
    "make services-status": "make services-status",
    "make services-status services-logs services-down": "make services-status services-logs services-down",
    "make services-down": "make services-down",
    "make bench": "make bench BENCH_ARGS=--quick",
}


@pytest.fixture(scope="module")
def shell(real_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """What a user's shell has set: a state folder, ports that nobody else has, the data file."""
    folder = tmp_path_factory.mktemp("reader")
    let_postgres_pass(folder)
    own = ("ZENML_", "MLFLOW_", "HEALTH_PREDICT", "AWS_", "AIRFLOW", "VIRTUAL_ENV")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(own)}
    ports = {f"HEALTH_PREDICT_{name}_PORT": str(free_port()) for name in SERVICES}
    set_here = {"HEALTH_PREDICT_STATE": str(folder / "state"), "HEALTH_PREDICT_DATA": str(real_path), "COLUMNS": "160"}
    environment = kept | ports | set_here | {"HEALTH_PREDICT_MONITOR_SCHEDULE": ""}
    yield environment
    # also when only some were asked for: no service outlives its folder
    subprocess.run(["make", "services-down"], cwd=ROOT, env=environment, capture_output=True, check=True)


@pytest.mark.parametrize("command", EXECUTED.values(), ids=list(EXECUTED))
def test_it_runs(shell: dict[str, str], command: str) -> None:
    done = subprocess.run(
        ["bash", "-c", command], cwd=ROOT, env=shell, capture_output=True, text=True, timeout=900, check=False
    )
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
