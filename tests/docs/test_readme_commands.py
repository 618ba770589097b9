"""The README followed as a stranger would: every command is executed, or marked as one that needs AWS or a cluster."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from benchmarks.__main__ import QUICK as BENCHMARKS
from health_predict.columns import TARGET_COLUMN
from health_predict.reading import RawData
from tests.docs import documents
from tests.stack.installation import TRAIN_ON_AIRFLOW
from tests.stack.test_readme_commands import EXECUTED as WITH_SERVICES

pytestmark = pytest.mark.docs
README = documents.PROJECT / "README.md"
ELSEWHERE = {"airflow", "aws"}  # stacks
SMALL = "--config small"
LAST = ["--stop-endpoint"]
# as the README has it -> as it is executed; {} is a folder. What is appended makes it short, or spares the documents
MAKE = {
    "make help": "make help",
    "make docs": "make docs",
    "make cost": "make cost",
    "make model-card": "make model-card CARD={}/card.md",
    "make samples": 'make samples SAMPLES_ARGS="--quick --output {}"',
    "python -m stacks.apply local": f"{sys.executable} -m stacks.apply local",
}
SERVED = ("make dashboard", "make mlflow-ui")
ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+")


def here() -> list[list[str]]:
    """The commands for this machine, each once; the endpoint stops last."""
    commands = [command for command in documents.run_commands(README) if not ELSEWHERE & set(command)]
    unique = [list(words) for words in dict.fromkeys(map(tuple, commands))]
    return [command for command in unique if command != LAST] + [LAST]


@pytest.fixture(scope="module")
def home(real_path: Path, real_raw: RawData, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A user's folder with a file of encounters, and what the shell has set."""
    folder = tmp_path_factory.mktemp("stranger")
    rows = real_raw.frame.tail(400).drop(columns=TARGET_COLUMN)
    rows.to_csv(folder / "encounters.csv", index=False, na_rep="?")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("ZENML_", "MLFLOW_", "HEALTH_PREDICT"))}
    own = {"HEALTH_PREDICT_STATE": str(folder / "state"), "HEALTH_PREDICT_DATA": str(real_path), "COLUMNS": "160"}
    shell = {**kept, **own, "PWD": str(folder)}
    yield shell
    # also when a test failed, or only some were asked for: no server outlives its folder
    subprocess.run([sys.executable, "run.py", *LAST], cwd=documents.PROJECT, env=shell, capture_output=True, check=True)


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
    # 200 trials take two minutes
    cheap = ["--set", "search.trials=3"] if "full" in command else []
    done = subprocess.run(
        [sys.executable, str(documents.PROJECT / "run.py"), *command, *cheap],
        cwd=home["PWD"],
        env=home,
        capture_output=True,
        text=True,
        timeout=400,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("command", MAKE.values(), ids=list(MAKE))
def test_it_is_made(home: dict[str, str], command: str, tmp_path: Path) -> None:
    line = command.format(tmp_path)
    done = subprocess.run(
        ["bash", "-c", line], cwd=documents.PROJECT, env=home, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


@pytest.mark.parametrize("command", SERVED)
def test_it_is_served_until_ctrl_c(home: dict[str, str], command: str) -> None:
    process = subprocess.Popen(
        command.split(),
        cwd=documents.PROJECT,
        env={**home, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        address = next(found[0] for line in process.stdout for found in [ADDRESS.search(line)] if found)
        assert answer(address).status_code == 200
    finally:
        os.killpg(process.pid, signal.SIGINT)  # what a terminal does
    rest = process.communicate(timeout=60)[0]
    assert "Traceback" not in rest
    with pytest.raises(requests.ConnectionError):
        requests.get(address, timeout=5)


def answer(address: str) -> requests.Response:
    until = time.monotonic() + 60
    while True:
        try:
            return requests.get(address, timeout=30)
        except requests.ConnectionError:
            if time.monotonic() > until:
                raise
            time.sleep(0.2)


def test_clean_removes_what_runs_and_tools_left_and_nothing_else(tmp_path: Path) -> None:
    shutil.copy(documents.PROJECT / "Makefile", tmp_path)
    for left in (".state/mlflow", ".mypy_cache", "steps/__pycache__"):
        (tmp_path / left).mkdir(parents=True)
    for kept in (".venv/lib/__pycache__", "docs"):
        (tmp_path / kept).mkdir(parents=True)
    done = subprocess.run(["make", "clean"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "removed .state" in done.stdout
    assert {path.name for path in tmp_path.iterdir()} == {"Makefile", ".venv", "docs", "steps"}
    assert (tmp_path / ".venv/lib/__pycache__").is_dir()


def test_every_command_is_executed_by_a_test_or_marked() -> None:
    wrong = unaccounted(README)
    assert wrong == [], f"execute it in a test, or mark it with {documents.DAGGER} right behind it; not both"


@pytest.mark.parametrize(
    "line",
    (
        "`make everything`",
        "`make run` †",
        "`python run.py --pipeline train --stack minikube`",
        "`python -m benchmarks.weather`",
        "`python -m benchmarks.drift --references 3`",
        "`infra/minikube/up.sh`",
        "```bash\nterraform apply\n```",
    ),
)
def test_a_command_that_nobody_executes_would_be_seen(tmp_path: Path, line: str) -> None:
    document = tmp_path / "README.md"
    document.write_text(f"{README.read_text()}\n{line}\n")
    assert [command in line for command in unaccounted(document)] == [True]


def unaccounted(document: Path) -> list[str]:
    """Commands that are marked although a test or continuous integration executes them, or are not and nothing does."""
    in_ci = {line.strip() for line in (documents.PROJECT / ".ci" / "run").read_text().splitlines()}
    executed = {"make run", "make clean", *MAKE, *SERVED, *WITH_SERVICES, TRAIN_ON_AIRFLOW, *in_ci}
    executed |= {f"python run.py {' '.join(words)}" for words in here()}
    for words in BENCHMARKS:  # by make bench, which is among those in tests/stack
        executed |= {f"python -m {' '.join(words)}", f"python -m {words[0]}"}
    return [command for command, marks in documents.commands(document).items() if marks != {command not in executed}]


def test_make_bench_executes_every_benchmark() -> None:
    """All but the one of Airflow's own share, which needs services that are up."""
    folder = documents.PROJECT / "benchmarks"
    written = {
        f"benchmarks.{path.stem}" for path in folder.glob("*.py") if "command_line.run(main)" in path.read_text()
    }
    assert written - {"benchmarks.__main__", "benchmarks.airflow"} == {words[0] for words in BENCHMARKS}
