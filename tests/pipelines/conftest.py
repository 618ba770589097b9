"""One state folder in which the tests of this folder train, in the order of the file."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SMALL = ["--config", "small"]


@dataclass(frozen=True)
class Finished:
    """A run of the command line."""

    code: int
    output: str
    errors: str


@dataclass(frozen=True)
class Project:
    """The project on a clean state folder."""

    state: Path

    def run(self, *arguments: str, data: Path | str | None = None) -> Finished:
        """Run run.py as a user does, in a process of its own."""
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("ZENML_", "MLFLOW_", "HEALTH_PREDICT"))}
        environment |= {"HEALTH_PREDICT_STATE": str(self.state), "COLUMNS": "160"}
        if data is not None:
            environment["HEALTH_PREDICT_DATA"] = str(data)
        done = subprocess.run(
            [sys.executable, "run.py", *arguments],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=420,
        )
        return Finished(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return Project(tmp_path_factory.mktemp("state"))


@pytest.fixture(scope="session")
def trained(project: Project, real_path: Path) -> Finished:
    """The first training on the clean store, on the real file."""
    return project.run("--pipeline", "train", *SMALL, data=real_path)


@pytest.fixture(scope="session")
def registry(project: Project, trained: Finished):
    from adapters.mlflow_registry import Registry

    return Registry(project.state / "locks", f"sqlite:///{project.state}/mlflow/mlflow.db")
