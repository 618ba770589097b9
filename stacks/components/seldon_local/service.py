"""The local endpoint as ZenML knows it: one service record, one folder, one server that is updated in place."""

import time
from pathlib import Path
from typing import Any

import requests
from pydantic import Field
from zenml.models.v2.misc.service import ServiceType
from zenml.services import (
    HTTPEndpointHealthMonitor,
    HTTPEndpointHealthMonitorConfig,
    LocalDaemonService,
    LocalDaemonServiceConfig,
    LocalDaemonServiceEndpoint,
    LocalDaemonServiceEndpointConfig,
    ServiceEndpointProtocol,
    ServiceState,
)
from zenml.services.service import BaseDeploymentService

from health_predict.errors import InfrastructureError
from health_predict.release import read_release
from stacks.components.seldon_local.release_store import ReleaseStore
from stacks.components.seldon_local.server_process import ServerProcess, wait_until_closed

PREDICTIONS = "api/v1.0/predictions"
_ANSWER = 2.0  # seconds to wait for the server's own word on its health
_BETWEEN = 0.1

Health = dict[str, Any]


class SeldonLocalConfig(LocalDaemonServiceConfig):
    """What an endpoint is started with; which release it serves stands in its folder, and changes."""

    folder: str
    python: str
    host: str = "127.0.0.1"
    port: int
    threads: int


class SeldonLocalService(LocalDaemonService, BaseDeploymentService):
    """The endpoint in `config.folder`."""

    SERVICE_TYPE = ServiceType(
        name="seldon-local", type="model-serving", flavor="seldon_local", description="Seldon model server, local"
    )
    config: SeldonLocalConfig
    endpoint: LocalDaemonServiceEndpoint = Field(
        default_factory=lambda: LocalDaemonServiceEndpoint(
            config=LocalDaemonServiceEndpointConfig(protocol=ServiceEndpointProtocol.HTTP),
            monitor=HTTPEndpointHealthMonitor(
                config=HTTPEndpointHealthMonitorConfig(healthcheck_uri_path="health", use_head_request=False)
            ),
        )
    )

    @property
    def releases(self) -> ReleaseStore:
        """What the endpoint was given to serve."""
        return ReleaseStore(Path(self.config.folder))

    @property
    def server(self) -> ServerProcess:
        """The endpoint's process, running or not."""
        folder = Path(self.config.folder)
        return ServerProcess(
            self.releases.current, Path(self.config.python), folder / "server.pid", folder / "server.log"
        )

    @property
    def prediction_url(self) -> str | None:
        """Seldon's prediction route; None before the first start."""
        port = self.endpoint.status.port
        return f"http://{self.config.host}:{port}/{PREDICTIONS}" if port else None

    def serve(self, release_folder: Path, timeout: float) -> None:
        """Serve this release: swapped into the running server, or in a new one where none runs.

        Raises:
            InfrastructureError: the server refused the release or did not come up; what served before serves on.
        """
        before = self.releases.served()
        offered = self.releases.place(release_folder)
        self.releases.point_to(offered)
        try:
            self.start()
            self._wait_for(offered, timeout)
        except InfrastructureError as error:
            raise InfrastructureError(f"{error}; {self._serve_again(before, timeout)}") from error

    def provision(self) -> None:
        """Start the server on the port it had, if that is free; one that runs is left alone."""
        if self.server.find() is not None:
            self.endpoint.status.port, self.endpoint.status.hostname = self.server.port, self.config.host
        else:
            self.endpoint.config.port = self.server.port or self.config.port
            self.endpoint.config.ip_address = self.config.host
            self.endpoint.prepare_for_start()
            self.status.runtime_path = self.config.folder
            self.server.start(self.config.host, int(self.endpoint.status.port or 0), self.config.threads)

    def deprovision(self, force: bool = False) -> None:
        """End the server; its port is closed when this returns."""
        self.server.stop(force=force)
        port = self.endpoint.status.port
        if port and not wait_until_closed(self.config.host, port):
            raise InfrastructureError(f"port {port} is still open, held by another program; see who with `ss -ltnp`")

    def check_status(self) -> tuple[ServiceState, str]:
        """Ask the operating system; the endpoint's monitor asks the server."""
        running = self.server.find() is not None
        return (ServiceState.ACTIVE, "") if running else (ServiceState.INACTIVE, "the server is not running")

    def health(self) -> Health | None:
        """Return the server's own word on its health, or None if it does not answer."""
        try:
            url = f"http://{self.config.host}:{self.endpoint.status.port}/health"
            answer: Health = requests.get(url, timeout=_ANSWER).json()
        except (requests.RequestException, ValueError):
            return None
        return answer

    def run(self) -> None:
        """Refuse: the server runs in its own environment, not in ZenML's daemon."""
        raise NotImplementedError("the server is started by provision()")

    def _serve_again(self, release: Path | None, timeout: float) -> str:
        self.releases.point_to(release)
        if release is None:
            self.stop()
            return "nothing is served"
        version = read_release(release).model_version
        try:
            self.start()
            self._wait_for(release, timeout)
        except InfrastructureError:
            return f"version {version} could not be started again either"
        return f"version {version} serves on"

    def _wait_for(self, release: Path, timeout: float) -> None:
        wanted, end = read_release(release), time.monotonic() + timeout
        while time.monotonic() < end:
            health = self.health() or {}
            if (health.get("model_version"), health.get("run_id")) == (wanted.model_version, wanted.run_id):
                return
            refused = health.get("refused") or {}
            if refused.get("release") == release.name:
                raise InfrastructureError(
                    f"the model server refused version {wanted.model_version}: {refused['reason']}"
                )
            self._raise_if_dead()
            time.sleep(_BETWEEN)
        raise InfrastructureError(
            f"the model server did not serve version {wanted.model_version} within {timeout:.0f} s; "
            f"see {self.server.log_file}"
        )

    def _raise_if_dead(self) -> None:
        if self.server.find() is None:
            raise InfrastructureError(f"the model server ended: {self.server.last_words()} ({self.server.log_file})")
