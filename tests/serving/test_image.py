"""The image of the model server, run by `make test-image`: built, pushed, pulled back and run as a cluster runs it."""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from adapters import serving_context
from adapters.serving_context import ROOT
from health_predict.release import Release, write_release
from tests.adapters.image_stack import image_builder, image_registry, zenml_in
from tests.serving.containers import Container, container, docker, engine, inspect, prepared, registry

if TYPE_CHECKING:
    from adapters.serving_image import ServingImage

pytestmark = pytest.mark.image

CACHE = Path("/var/cache/health-predict")
RUN_ID = "0123456789abcdef0123456789abcdef"
MEGABYTE = 1e6
CONTRACT = Path(__file__).parent / "contract"
# what the base image of this machine, or python:3.11-slim, sets beside ours
BASE_VARIABLES = {
    "LANG",
    "GPG_KEY",
    "PYTHON_VERSION",
    "PYTHON_SHA256",
    "PYTHON_PIP_VERSION",
    "PYTHON_SETUPTOOLS_VERSION",
}


@dataclass(frozen=True)
class Published:
    """What the session built, from what, and where it was pushed."""

    image: "ServingImage"
    release: Path
    base: str
    registry: str

    def again(self, release: Path) -> "ServingImage":
        return publish(release, self.base, self.registry)


def publish(release: Path, base: str, address: str) -> "ServingImage":
    from adapters.serving_image import publish_image

    return publish_image(
        release,
        repository="health-predict-server",
        base_image=base,
        builder=image_builder(),
        registry=image_registry(address),
        wheels=CACHE / "wheels",
    )


@pytest.fixture(scope="module")
def sources(tmp_path_factory) -> Iterator[Path]:
    """A copy of what is staged, so that an edit during the tests does not count as other content."""
    copy = tmp_path_factory.mktemp("sources")
    for name in ("serving", "health_predict", "requirements"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", copy)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(serving_context, "ROOT", copy)
        yield copy


@pytest.fixture(scope="module")
def published(releases, sources, tmp_path_factory) -> Iterator[Published]:
    folder = tmp_path_factory.mktemp("image")
    release = shutil.copytree(releases["xgboost"], folder / "release")
    write_release(release, Release("HealthPredict", "7", RUN_ID))
    with zenml_in(folder / "zenml"), engine():
        base = os.environ.get("HEALTH_PREDICT_BASE_IMAGE") or prepared("python-base.sh")
        program = prepared("docker-registry.sh", str(CACHE / "docker-registry"))
        (folder / "registry").mkdir()
        with registry(program, folder / "registry") as address:
            yield Published(publish(release, base, address), release, base, address)
            remove(address)


def remove(address: str) -> None:
    """Take the names of this session from the engine; what they were built from stays cached there."""
    listing = (
        "images",
        "--digests",
        f"--filter=reference={address}/*",
        "--format={{.Repository}} {{.Tag}} {{.Digest}}",
    )
    for line in docker(*listing).splitlines():
        name, tag, digest = line.split()
        docker("image", "rm", f"{name}@{digest}" if tag == "<none>" else f"{name}:{tag}")


@pytest.fixture(scope="module")
def pulled(published) -> str:
    """The reference, after the registry alone had the image."""
    remove(published.registry)
    docker("pull", "--quiet", published.image.reference)
    return published.image.reference


@pytest.fixture(scope="module")
def running(pulled):
    with container(pulled) as started:
        yield started


def test_the_tag_is_model_version_and_run(published) -> None:
    name = f"{published.registry}/health-predict-server:7-{RUN_ID[:8]}"
    assert re.fullmatch(re.escape(name) + "@sha256:[0-9a-f]{64}", published.image.reference)
    assert published.image.built


def test_the_same_content_is_not_built_again(published) -> None:
    again = published.again(published.release)
    assert (again.reference, again.built) == (published.image.reference, False)


def test_a_tag_is_never_given_to_other_content(published, tmp_path) -> None:
    other = shutil.copytree(published.release, tmp_path / "other")
    with (other / "golden.json").open("a") as file:
        file.write("\n")
    image = published.again(other)
    assert image.built
    assert re.search(rf":7-{RUN_ID[:8]}-[0-9a-f]{{8}}@sha256:", image.reference)
    assert published.again(published.release).reference == published.image.reference


def test_the_labels_say_what_is_inside(pulled) -> None:
    labels = inspect(pulled)["Config"]["Labels"]
    assert labels["health-predict.model-name"] == "HealthPredict"
    assert labels["health-predict.model-version"] == "7"
    assert labels["health-predict.run-id"] == RUN_ID
    assert labels["org.opencontainers.image.licenses"] == "Apache-2.0"
    assert re.fullmatch(r"\d+\.\d+\.\d+", labels["org.opencontainers.image.version"])


def test_it_answers_the_contract_as_the_local_process_does(running, published) -> None:
    variables = {"HEALTH_PREDICT_CONTRACT_URL": running.url, "HEALTH_PREDICT_CONTRACT_RELEASE": str(published.release)}
    # a thousand generated requests find no more in a container than in the process, where they are sent anyway
    fewer = f"--ignore={CONTRACT}/test_openapi.py"
    suite = [sys.executable, "-m", "pytest", "-n", "0", "-q", "-p", "no:cacheprovider", fewer, CONTRACT]
    done = subprocess.run(suite, env={**os.environ, **variables}, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:]
    passed = re.search(r"^(\d+) passed in ", done.stdout, re.MULTILINE)
    assert passed is not None, f"not all were run: {done.stdout[-500:]}"
    assert int(passed[1]) >= 100


def test_it_becomes_healthy(running) -> None:
    assert eventually(running, "healthy", seconds=20)


def test_it_is_no_root_and_writes_to_tmp_alone(running) -> None:
    assert running.run("id", "-u") == "10001"
    written = running.run("python", "-c", WRITES)
    assert written == "/tmp"  # noqa: S108


def test_packages_are_the_servers_alone(running) -> None:
    unwanted = ["pip", "pandas", "sklearn", "xgboost", "zenml", "mlflow", "ray", "boto3", "joblib"]
    found = running.run("python", "-c", f"import importlib.util as u; print([n for n in {unwanted} if u.find_spec(n)])")
    assert found == "[]"
    tools = running.run("sh", "-c", "command -v pip pip3 gcc cc make curl wget git || true")
    assert tools == ""


def test_no_setting_of_a_registry_or_proxy_stays(pulled) -> None:
    settings = inspect(pulled)["Config"]
    names = {entry.partition("=")[0] for entry in settings["Env"]} - BASE_VARIABLES
    ours = {"PATH", "HOME", "PYTHONPATH", "PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE", "MALLOC_TRIM_THRESHOLD_"}
    assert names == ours | {"HEALTH_PREDICT_BUNDLE", "HEALTH_PREDICT_HOST"}
    history = docker("history", "--no-trunc", "--format={{.CreatedBy}}", pulled)
    assert not re.search(r"://|index.url|proxy|token|password|secret", history, re.IGNORECASE)


def test_no_configuration_of_pip_or_docker_is_inside(running) -> None:
    left = ("pip.conf", ".netrc", "config.json", "*.whl", ".git", ".env")
    names = " -o ".join(f"-name '{name}'" for name in left)
    assert docker("exec", "--user=0", running.name, "sh", "-c", f"find / -xdev {names}") == ""


def test_its_content_is_at_most_250_mb(published, pulled, record_property) -> None:
    content = (inspect(pulled)["Size"] - inspect(published.base)["Size"]) / MEGABYTE
    record_property("content_mb", content)
    assert 50 < content <= 250


def test_without_settings_it_listens_on_every_address_of_its_own_network(pulled) -> None:
    with container(pulled, network="none", ready=False) as alone:
        assert eventually(alone, "healthy", seconds=30)
        listening = alone.run("sh", "-c", "cat /proc/net/tcp")
    assert f"00000000:{9000:04X}" in listening


def test_stop_ends_it_within_seconds_and_cleanly(pulled) -> None:
    with container(pulled) as started:
        began = time.monotonic()
        docker("stop", "--time=20", started.name)
        assert time.monotonic() - began < 5
        assert inspect(started.name)["State"]["ExitCode"] == 0
        assert "Traceback" not in started.log()


def test_a_corrupt_release_never_becomes_healthy(pulled, published, tmp_path) -> None:
    corrupt = shutil.copytree(published.release, tmp_path / "corrupt")
    (corrupt / "model.onnx").write_bytes(b"no model")
    for path in (corrupt, *corrupt.iterdir()):
        path.chmod(0o755)
    mount = f"--volume={corrupt}:/opt/health-predict/release:ro"
    quick = ("--health-interval=500ms", "--health-start-period=1ms", "--health-retries=3")
    with container(pulled, mount, *quick, ready=False) as started:
        assert eventually(started, "unhealthy", seconds=20)
        answer = httpx.get(f"{started.url}/health", timeout=5)
        assert answer.status_code == 503
        assert httpx.post(f"{started.url}/predict", json={}, timeout=5).status_code == 503


def test_a_shell_is_there_for_the_hook_before_the_stop(running) -> None:
    assert running.run("/bin/sh", "-c", "/bin/sleep 0 && echo slept") == "slept"


def eventually(started: Container, wanted: str, seconds: float) -> bool:
    """Whether the health check says so within the time, and nothing but `starting` before."""
    until = time.monotonic() + seconds
    while (status := started.health()) == "starting" and time.monotonic() < until:
        time.sleep(0.2)
    return status == wanted


WRITES = """
import os, pathlib
places = ("/", "/opt/health-predict", "/opt/health-predict/release", "/var/tmp", "/dev/mqueue", os.getcwd(), "/tmp")
for place in dict.fromkeys(places):
    try:
        pathlib.Path(place, "probe").write_text("x")
        print(place)
    except OSError:
        pass
"""
