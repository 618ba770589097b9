"""Steps in containers: real Airflow and Docker, image builder and registry of the stack, a ZenML server with logins.

NOT RUN, and says so, only where no Docker engine can be started.
"""

import json
import os
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from infra.compose.context import LOCKS, stage
from infra.compose.zenml_key import ZenmlServer, draw_key
from stacks.environment import PROJECT
from stacks.value_file import read_values
from tests.infra.zenml_server import PASSWORD, zenml_server
from tests.pipelines.conftest import Finished
from tests.serving.containers import docker, engine, prepared, registry
from tests.stack.airflow import Airflow
from tests.stack.container_steps import VALUE
from tests.stack.fault_proxy import FaultProxy
from tests.stack.installation import BUCKET, KEYS, Installation
from tests.stack.small_lock import write_small_lock

pytestmark = pytest.mark.stack

CACHE = Path("/var/cache/health-predict")
USER = 10001  # the image's own
BASE = "health-predict/pipeline-of-tests:1"
IN_CONTAINER = "/run/secrets/health_predict_zenml"
PATIENCE = 240.0  # seconds for two steps


@dataclass(frozen=True)
class Client:
    """A user of the stack `containers`, with a state folder of its own and the key of the ZenML server."""

    state: Path
    stacks: Path
    credentials: Path
    dags: Path

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("ZENML", "HEALTH_PREDICT"))}
        own = {"HEALTH_PREDICT_STATE": str(self.state), **read_values(self.credentials)}
        command = [sys.executable, "-m", *arguments]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, cwd=PROJECT, env=kept | own, stdout=pipe, stderr=subprocess.STDOUT, text=True)

    def call(self, *arguments: str) -> Finished:
        process = self.start(*arguments)
        output, _ = process.communicate(timeout=PATIENCE)
        return Finished(process.returncode, output, output)

    def submit(self, does: str) -> "subprocess.Popen[str]":
        return self.start("tests.stack.container_steps", "run", "--stacks", str(self.stacks), "--does", does)

    def newest(self) -> dict[str, Any]:
        done = self.call("tests.stack.container_steps", "ask")
        assert done.code == 0, done.output
        return dict(json.loads(done.output.splitlines()[-1]))


@pytest.fixture(scope="module")
def docker_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    program = prepared("docker-registry.sh", str(CACHE / "docker-registry"))
    with engine(), registry(program, tmp_path_factory.mktemp("registry")) as address:
        yield address


@pytest.fixture(scope="module")
def base_image(docker_registry: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """infra/airflow/Dockerfile --target pipeline, with what two small steps need instead of all packages."""
    folder = tmp_path_factory.mktemp("image")
    (folder / "locks").mkdir()
    (folder / "locks" / "installer.txt").write_bytes((LOCKS / "installer.txt").read_bytes())
    write_small_lock(LOCKS / "pipeline.txt", folder / "locks" / "pipeline.txt")
    context = stage("pipeline", folder / "context", locks=folder / "locks", wheels=CACHE / "wheels")
    python = prepared("python-base.sh")
    docker(
        *("build", "--quiet", "--network=none", "--tag", BASE, "--target=pipeline"),
        *(f"--build-arg=BASE_IMAGE={python}", str(context)),
        timeout=900,
    )
    return BASE


@pytest.fixture(scope="module")
def credentials(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The file with the key of a ZenML server that runs: SQLite cannot be shared with a container."""
    folder = tmp_path_factory.mktemp("server")
    with zenml_server(folder) as server:
        draw_key(ZenmlServer(server.url), PASSWORD, folder / "zenml.env")
        yield folder / "zenml.env"


@pytest.fixture(scope="module")
def client(
    installation: Installation,
    s3: FaultProxy,
    docker_registry: str,
    base_image: str,
    credentials: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Client:
    folder = tmp_path_factory.mktemp("client")
    dags = installation.state / "services" / "airflow" / "dags"
    for_steps = folder / "for-steps.env"  # whoever runs a step must own the file
    for_steps.write_bytes(credentials.read_bytes())
    for_steps.chmod(0o600)
    os.chown(for_steps, USER, USER)
    keys = folder / "s3.env"
    keys.write_text("".join(f"{name}={value}\n" for name, value in KEYS.items()))
    keys.chmod(0o600)
    stack = _stack(installation, dags, base_image, for_steps)
    stack["components"]["artifact_store"]["configuration"]["client_kwargs"]["endpoint_url"] = s3.url
    stack["components"]["container_registry"]["configuration"]["uri"] = docker_registry
    stack["secrets"]["container_s3"] = str(keys)
    (folder / "stacks").mkdir()
    (folder / "stacks" / "containers.yaml").write_text(yaml.safe_dump(stack))
    return Client(folder / "state", folder / "stacks", credentials, dags)


def _stack(installation: Installation, dags: Path, base_image: str, credentials: Path) -> dict[str, Any]:
    tests = {"type": "bind", "source": str(PROJECT / "tests"), "target": "/opt/health-predict/code/tests"}
    key = {"type": "bind", "source": str(credentials), "target": IN_CONTAINER, "read_only": True}
    operator = {
        "network_mode": "host",
        "auto_remove": "force",
        "user": f"{USER}:{USER}",
        "mounts": [{**tests, "read_only": True}, key],
        "private_environment": {"HEALTH_PREDICT_ZENML_CREDENTIALS": IN_CONTAINER},
    }
    airflow = {
        "operator": "docker",
        "url": f"http://127.0.0.1:{installation.ports['AIRFLOW']}",
        "username": "admin",
        "password": "{{container_services.AIRFLOW_ADMIN_PASSWORD}}",
        "dags_folder": str(dags),
        "dockerfile": "infra/airflow/steps.Dockerfile",
        "base_image": base_image,
        "operator_args": operator,
    }
    store = {
        "path": f"s3://{BUCKET}",
        "key": "{{container_s3.AWS_ACCESS_KEY_ID}}",
        "secret": "{{container_s3.AWS_SECRET_ACCESS_KEY}}",
        "client_kwargs": {"region_name": KEYS["AWS_DEFAULT_REGION"]},
    }
    components = {
        "orchestrator": ("airflow_steps", airflow),
        "artifact_store": ("s3", store),
        "container_registry": ("default", {}),
        "image_builder": ("local", {}),
    }
    return {
        "secrets": {"container_services": str(installation.state / "services" / "secrets.env")},
        "components": {
            kind: {"name": f"containers_{kind}", "flavor": flavor, "configuration": configuration}
            for kind, (flavor, configuration) in components.items()
        },
        "flavors": ["stacks.components.airflow_steps.flavor.AirflowStepsFlavor"],
    }


@pytest.fixture(scope="module")
def completed(client: Client) -> dict[str, Any]:
    process = client.submit("succeed")
    output, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, output
    return client.newest()


def test_both_systems_say_that_it_succeeded(completed: dict[str, Any], airflow: Airflow) -> None:
    assert (completed["status"], completed["steps"]) == ("completed", {"seen": "completed", "number": "completed"})
    assert completed["values"]["number"] == VALUE
    assert airflow.tasks(completed["name"]) == {"seen": "success", "number": "success"}


def test_step_ran_in_a_container_not_as_root_and_without_a_secret(completed: dict[str, Any]) -> None:
    place = completed["values"]["seen"]
    assert (place["in_container"], place["user"]) == ("True", str(USER))
    # loaded from the mounted file by the step itself; the credentials file's path is no secret
    assert set(place["secrets"].split()) <= {"ZENML_STORE_API_KEY"}


def test_dag_holds_no_token_and_names_the_pushed_image(
    completed: dict[str, Any], client: Client, docker_registry: str
) -> None:
    with zipfile.ZipFile(client.dags / f"{completed['name']}.zip") as archive:
        text = archive.read("config.json").decode()
    for word in (read_values(client.credentials)["ZENML_STORE_API_KEY"], KEYS["AWS_SECRET_ACCESS_KEY"], PASSWORD):
        assert word not in text
    assert not [name for name in ("TOKEN", "API_KEY", "PASSWORD") if name in text.replace("ZENML_CREDENTIALS", "")]
    image = str(json.loads(text)["tasks"][0]["image"])
    assert image.startswith(f"{docker_registry}/")
    name, _, digest = image.removeprefix(f"{docker_registry}/").partition("@")
    assert digest.startswith("sha256:"), "a tag could mean another image tomorrow"
    assert httpx.head(f"http://{docker_registry}/v2/{name}/manifests/{digest}").status_code == 200


def test_image_holds_the_code_and_neither_state_nor_data(completed: dict[str, Any], client: Client) -> None:
    with zipfile.ZipFile(client.dags / f"{completed['name']}.zip") as archive:
        image = json.loads(archive.read("config.json"))["tasks"][0]["image"]
    listed = docker("run", "--rm", "--network=none", image, "ls", "-A", "/opt/health-predict/code").split()
    assert {"adapters", "health_predict", "stacks", "steps", "pipelines"} <= set(listed)
    assert not {".state", ".venv", ".git", "infra", "tests", "notebooks"} & set(listed)


def test_killed_container_is_failed_by_the_reconciler(
    completed: dict[str, Any], client: Client, airflow: Airflow
) -> None:
    waiting = client.submit("wait")
    running = _container_of(waiting)
    name = _begun(client, completed["name"])
    waiting.kill()  # nobody follows the run any more
    waiting.wait()
    docker("kill", running)
    end = time.monotonic() + PATIENCE
    while (run := client.newest())["status"] not in ("failed", "completed"):
        assert time.monotonic() < end, run
        done = client.call("stacks.components.airflow_steps.reconciler", "--once")
        assert done.code == 0, done.output
    assert (run["name"], run["status"], run["steps"]) == (name, "failed", {"seen": "failed"})
    assert "the process of seen died or was killed" in run["reason"]
    assert airflow.tasks(name) == {"seen": "failed", "number": "upstream_failed"}


def _container_of(waiting: "subprocess.Popen[str]") -> str:
    """The container of the step that was told to wait, once the step itself runs."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        assert waiting.poll() is None, waiting.communicate()[0]
        found = docker("ps", "--quiet", "--filter", "label=health-predict.steps").split()
        if found:
            return found[0]
        time.sleep(0.5)
    raise AssertionError("no container of a step appeared")


def _begun(client: Client, before: str) -> str:
    """The run after `before`, once ZenML knows that its first step runs."""
    end = time.monotonic() + PATIENCE
    while (run := client.newest())["name"] == before or run["steps"].get("seen") != "running":
        assert time.monotonic() < end, run
    return str(run["name"])
