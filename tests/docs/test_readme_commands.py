"""The README followed as a stranger would: every command that needs neither services, AWS nor a cluster is executed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from health_predict.columns import TARGET_COLUMN
from health_predict.reading import RawData
from tests.docs import documents

pytestmark = pytest.mark.docs
README = documents.PROJECT / "README.md"
# of the stack airflow: executed by make test-stack; of AWS and minikube: see docs/aws.md
ELSEWHERE = {"airflow", "aws", "minikube"}
SMALL = "--config tests/pipelines/small.yaml"
LAST = ["--stop-endpoint"]


def here() -> list[list[str]]:
    """The commands for this machine, each once; the endpoint stops last."""
    commands = [command for command in documents.run_commands(README) if not ELSEWHERE & set(command)]
    unique = [list(words) for words in dict.fromkeys(map(tuple, commands))]
    return [command for command in unique if command != LAST] + [LAST]


@pytest.fixture(scope="module")
def home(real_path: Path, real_raw: RawData, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A user's folder with a file of encounters, and what the shell has set."""
    folder = tmp_path_factory.mktemp("stranger")
    rows = real_raw.frame.tail(400).drop(columns=TARGET_COLUMN)
    rows.to_csv(folder / "encounters.csv", index=False, na_rep="?")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("ZENML_", "MLFLOW_", "HEALTH_PREDICT"))}
    own = {"HEALTH_PREDICT_STATE": str(folder / "state"), "HEALTH_PREDICT_DATA": str(real_path), "COLUMNS": "160"}
    return {**kept, **own, "PWD": str(folder)}


def test_make_run_does_the_main_job(home: dict[str, str]) -> None:
    done = subprocess.run(
        ["make", "run", f"RUN_ARGS={SMALL}"],
        cwd=documents.PROJECT,
        env=home,
        capture_output=True,
        text=True,
        timeout=400,
    )
    assert done.returncode == 0, done.stderr
    for shown in ("registered: HealthPredict version 1", "serves: version 1", "curl -s", "3 batches"):
        assert shown in done.stdout


@pytest.mark.parametrize("command", here(), ids=" ".join)
def test_it_runs(home: dict[str, str], command: list[str]) -> None:
    # 200 trials take two minutes: everything but the search itself
    cheap = ["--dry-run"] if "full" in command else []
    done = subprocess.run(
        [sys.executable, str(documents.PROJECT / "run.py"), *command, *cheap],
        cwd=home["PWD"],
        env=home,
        capture_output=True,
        text=True,
        timeout=400,
    )
    assert done.returncode == 0, done.stdout + done.stderr
