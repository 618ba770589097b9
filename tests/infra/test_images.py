"""infra/airflow/Dockerfile, built for real and run as compose.yaml runs it; of the pipelines' packages only a few.

NOT RUN, and says so, only where no Docker engine can be started.
"""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.compose.context import LOCKS, stage
from tests.serving.containers import LOCKED_DOWN, docker, engine, inspect, prepared
from tests.stack.small_lock import write_small_lock

pytestmark = pytest.mark.infra

CACHE = Path("/var/cache/health-predict")
TAG = "health-predict/services-of-tests:1"
PIPELINE, SERVING = "/opt/health-predict/pipeline/bin/python", "/opt/health-predict/serving/bin/python"


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("image")
    shutil.copytree(LOCKS, folder / "locks")
    write_small_lock(LOCKS / "pipeline.txt", folder / "locks" / "pipeline.txt")
    context = stage("services", folder / "context", locks=folder / "locks", wheels=CACHE / "wheels")
    with engine():
        python = prepared("python-base.sh")
        arguments = (f"--build-arg=BASE_IMAGE={python}", "--build-arg=VERSION=0.1.0")
        docker("build", "--quiet", "--network=none", "--tag", TAG, *arguments, str(context), timeout=1200)
        yield TAG


def _run(image: str, *command: str, user: str = "1000:1000") -> subprocess.CompletedProcess[str]:
    """As in compose.yaml: as the owner of a state folder, whom the image does not know."""
    options = ["--rm", "--network=none", f"--user={user}", *LOCKED_DOWN]
    return subprocess.run(
        ["docker", "run", *options, image, *command], capture_output=True, text=True, timeout=120, check=False
    )


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["airflow", "version"], "3.3.2"),
        (["airflow", "providers", "list", "-o", "plain"], "apache-airflow-providers-docker"),
        (["rclone", "--config", "/dev/null", "version"], "rclone v1.75.2"),
        ([PIPELINE, "-c", "import zenml, s3fs, boto3; print(zenml.__version__)"], "0.98.0"),
        ([SERVING, "-c", "import seldon_core, onnxruntime, gunicorn; print('imported')"], "imported"),
        (["python", "/opt/health-predict/answers.py", "http://127.0.0.1:9/"], ""),
    ],
)
def test_programs_run_locked_down_and_as_any_user(image: str, command: list[str], said: str) -> None:
    done = _run(image, *command)
    assert said in done.stdout, done.stderr
    assert done.returncode == (0 if said else 1), done.stderr


def test_not_root_by_itself_and_labelled(image: str) -> None:
    config = inspect(image)["Config"]
    assert config["User"] == "10001:10001"
    assert config["Labels"]["org.opencontainers.image.version"] == "0.1.0"


def test_no_secret_and_no_package_registry_in_it(image: str) -> None:
    config = inspect(image)["Config"]
    history = docker("history", "--no-trunc", "--format", "{{.CreatedBy}}", image)
    # the dot: a name of a registry's setting does not stand here, either
    assert not re.search(r"PASSWORD|TOKEN|(?i:index.url)|proxy", " ".join(config["Env"]) + history)


def test_endpoints_interpreter_can_be_shown_in_the_project(image: str) -> None:
    """What start-scheduler.sh does: the environment under the name that the stack's file has for it."""
    script = (
        "mkdir /tmp/.venv-serving && ln -sfn /opt/health-predict/serving/* /tmp/.venv-serving/"
        " && /tmp/.venv-serving/bin/python -c 'import sys, seldon_core; print(sys.prefix)'"
    )
    done = _run(image, "sh", "-c", script)
    assert done.stdout.strip() == "/tmp/.venv-serving", done.stderr  # noqa: S108 - in the container


def test_new_volumes_can_be_written_by_any_user(image: str) -> None:
    modes = _run(image, "stat", "--format", "%a", "/var/lib/health-predict/s3", "/var/log/airflow").stdout.split()
    assert modes == ["1777", "1777"]
