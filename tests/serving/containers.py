"""Docker for the tests of the image: an engine, a private registry, and containers locked down as in a cluster."""

import json
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.serving.processes import free_port

SCRIPTS = Path(__file__).resolve().parents[2] / "infra" / "images"
# what a pod of the Seldon deployer may do: nothing but write to /tmp
LOCKED_DOWN = ("--read-only", "--tmpfs=/tmp", "--cap-drop=ALL", "--security-opt=no-new-privileges", "--memory=512m")
_LONGEST_START = 30.0  # seconds


def docker(*arguments: str, timeout: float = 300) -> str:
    """Run the Docker client and return what it printed; the test fails with its error."""
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, timeout=timeout)
    assert done.returncode == 0, f"docker {' '.join(arguments)}: {done.stderr}"
    return done.stdout.strip()


def inspect(thing: str) -> dict[str, Any]:
    return json.loads(docker("inspect", thing))[0]


def prepared(script: str, *arguments: str) -> str:
    """Run a script of infra/images and return its last line; skip, with the reason, where it cannot do its work."""
    done = subprocess.run([SCRIPTS / script, *arguments], capture_output=True, text=True, timeout=900)
    if done.returncode:
        pytest.skip(f"NOT RUN: no Docker engine ({done.stderr.strip()})")
    return done.stdout.strip().splitlines()[-1]


@contextmanager
def engine() -> Iterator[None]:
    """A Docker engine; one that was started for this is ended."""
    said = prepared("docker-engine.sh", "start")
    try:
        yield
    finally:
        if "started" in said:
            subprocess.run([SCRIPTS / "docker-engine.sh", "stop"], check=True)


@contextmanager
def registry(program: str, folder: Path, login: tuple[str, str] | None = None) -> Iterator[str]:
    """Run a private registry on a free port of 127.0.0.1 and give its address; `login` is its only account."""
    address = f"127.0.0.1:{free_port()}"
    settings = {
        "version": 0.1,
        "storage": {"filesystem": {"rootdirectory": str(folder / "storage")}},
        "http": {"addr": address},
        "auth": {"htpasswd": {"realm": "tests", "path": str(_htpasswd(folder, *login))}} if login else {},
    }
    (folder / "registry.yml").write_text(json.dumps(settings))
    with (folder / "registry.log").open("wb") as log:
        process = subprocess.Popen([program, "serve", folder / "registry.yml"], stdout=log, stderr=log)
    try:
        _wait_for(f"http://{address}/v2/", login)
        yield address
    finally:
        process.terminate()
        process.wait(10)


@dataclass(frozen=True)
class Container:
    """A container in the network of this machine, its server on 127.0.0.1 alone."""

    name: str
    url: str

    def health(self) -> str:
        return inspect(self.name)["State"]["Health"]["Status"]

    def run(self, *command: str) -> str:
        return docker("exec", self.name, *command)

    def log(self) -> str:
        done = subprocess.run(["docker", "logs", self.name], capture_output=True, text=True, check=True)
        return done.stdout + done.stderr


@contextmanager
def container(image: str, *options: str, network: str = "host", ready: bool = True) -> Iterator[Container]:
    """Run the image, locked down, until the block ends; wait for its server to answer."""
    port = free_port()
    settings = {"PREDICTIVE_UNIT_HTTP_SERVICE_PORT": port, "HEALTH_PREDICT_HOST": "127.0.0.1"}
    environment = _environment(settings if network == "host" else {})
    name = docker("run", "--detach", f"--network={network}", *LOCKED_DOWN, *environment, *options, image)
    started = Container(name, f"http://127.0.0.1:{port}")
    try:
        if ready:
            _wait_for(f"{started.url}/health")
        yield started
    finally:
        docker("rm", "--force", name)


def _environment(variables: Mapping[str, object]) -> list[str]:
    return [f"--env={name}={value}" for name, value in variables.items()]


def _htpasswd(folder: Path, user: str, password: str) -> Path:
    import bcrypt

    file = folder / "htpasswd"
    file.write_text(f"{user}:{bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode()}\n")
    return file


def _wait_for(url: str, login: tuple[str, str] | None = None) -> None:
    until = time.monotonic() + _LONGEST_START
    while time.monotonic() < until:
        try:
            if httpx.get(url, auth=login, timeout=2).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise AssertionError(f"{url} did not answer 200 within {_LONGEST_START:g} s")
