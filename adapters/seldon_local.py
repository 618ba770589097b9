"""The Seldon server of this machine, through ZenML's model deployer of flavor `seldon_local`."""

from dataclasses import dataclass
from pathlib import Path

from health_predict.release import Release, read_release
from health_predict.rollout import Deployed, Endpoint, State
from stacks.components.seldon_local.deployer import SeldonLocalDeployer
from stacks.components.seldon_local.service import SeldonLocalService


@dataclass(frozen=True)
class SeldonLocal:
    """The endpoint `name` behind a local deployer."""

    deployer: SeldonLocalDeployer
    name: str

    def find(self) -> Endpoint | None:
        """Return the endpoint, running or not; None if nothing was ever deployed."""
        service = self.deployer.find_endpoint(self.name)
        return _endpoint(service) if service else None

    def deploy(self, folder: Path, release: Release, image: str | None, timeout: float) -> Deployed:  # noqa: ARG002
        """Serve the release in `folder`; InfrastructureError, and the old one serves on, if that fails."""
        existing = self.deployer.find_endpoint(self.name)
        before = existing.releases.served() if existing else None
        service = self.deployer.serve(self.name, folder, timeout)
        return Deployed(
            endpoint=_endpoint(service),
            previous=read_release(before).model_version if before else None,
            restore_point=str(before) if before else None,
        )

    def restore(self, deployed: Deployed, timeout: float) -> Endpoint | None:
        """Serve what served before, or nothing if nothing did."""
        if deployed.restore_point is None:
            return self.stop()
        return _endpoint(self.deployer.serve(self.name, Path(deployed.restore_point), timeout))

    def stop(self) -> Endpoint | None:
        """Stop the server and return the endpoint; None if there is none."""
        service = self.deployer.stop_endpoint(self.name)
        return _endpoint(service) if service else None


def _endpoint(service: SeldonLocalService) -> Endpoint:
    process, health = service.server.find(), service.health() or {}
    state, reason = _state(process is not None, health)
    version = health.get("model_version") if state == "running" else None
    return Endpoint(service.config.name, service.prediction_url or "", state, reason, version)


def _state(alive: bool, health: dict[str, object]) -> tuple[State, str]:
    if not alive:
        return "stopped", "no server process; `python run.py --pipeline deploy` starts one"
    if health.get("status") == "ready":
        return "running", f"serves release {health.get('model_version')}"
    return ("failed", str(health["reason"])) if "reason" in health else ("starting", "does not answer yet")
