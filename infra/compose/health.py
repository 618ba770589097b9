"""How the containers are, as Docker sees them."""

import json
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass

from health_predict.errors import InfrastructureError
from infra.compose.project import Compose

_POLL = 2.0  # seconds
_FORMAT = '{"name": {{json (index .Config.Labels "com.docker.compose.service")}}, "state": {{json .State}}}'
Say = Callable[[str], None]


@dataclass(frozen=True)
class ContainerHealth:
    """A container: `reason` says what is wrong, empty for nothing; a job that ended well is healthy."""

    name: str
    state: str
    reason: str


def look(compose: Compose) -> list[ContainerHealth]:
    """Every container of the project that there is, running or not."""
    ids = compose.output("ps", "--all", "--quiet").split()
    if not ids:
        return []
    command = ["docker", "inspect", "--format", _FORMAT, *ids]
    done = subprocess.run(command, capture_output=True, text=True)  # noqa: S603 - Docker
    if done.returncode:
        raise InfrastructureError(f"docker inspect failed: {done.stderr.strip()}")
    return sorted((judge(json.loads(line)) for line in done.stdout.splitlines()), key=lambda one: one.name)


def judge(inspected: dict[str, object]) -> ContainerHealth:
    """Read what Docker says of a container."""
    name, state = str(inspected["name"]), dict(inspected["state"])  # type: ignore[call-overload]
    status, health = str(state["Status"]), state.get("Health")
    if status == "exited":
        code = state["ExitCode"]
        ended_well = code == 0 and name.endswith("-init")
        return ContainerHealth(name, "done" if ended_well else "ended", "" if ended_well else f"exit code {code}")
    if status != "running":
        return ContainerHealth(name, status, "not running")
    if health and health["Status"] != "healthy":
        said = (health["Log"] or [{"Output": ""}])[-1]["Output"].strip()
        return ContainerHealth(name, status, f"{health['Status']}: {said}" if said else str(health["Status"]))
    return ContainerHealth(name, status, "")


def wait_until_healthy(compose: Compose, patience: float, say: Say) -> None:
    """Return when every container is healthy; InfrastructureError names those that are not after `patience` seconds."""
    started, told = time.monotonic(), set[str]()
    while True:
        seen = look(compose)
        for one in seen:
            if not one.reason and one.name not in told:
                told.add(one.name)
                say(f"{one.name}: healthy after {time.monotonic() - started:.0f} s")
        if seen and not any(one.reason for one in seen):
            return
        if time.monotonic() - started > patience:
            raise _failure(seen)
        time.sleep(_POLL)


def show(compose: Compose, say: Say) -> None:
    """Say of each container how it is; InfrastructureError if one is not healthy, or none is there."""
    seen = look(compose)
    for one in seen:
        say(f"{one.name:24}{one.state:10}{one.reason or 'healthy'}")
    if not seen or any(one.reason for one in seen):
        raise _failure(seen)


def _failure(seen: list[ContainerHealth]) -> InfrastructureError:
    ill = [one.name for one in seen if one.reason]
    said = f"not healthy: {', '.join(ill)}; see: python -m infra.compose logs {ill[0]}" if ill else "no container runs"
    return InfrastructureError(f"{said}; start them with: make services-up SERVICES=compose")
