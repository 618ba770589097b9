"""ZenML's model deployer that keeps one endpoint a model name, and updates it in place."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, cast
from uuid import UUID

from filelock import FileLock, Timeout
from zenml.client import Client
from zenml.model_deployers.base_model_deployer import BaseModelDeployer, BaseModelDeployerConfig
from zenml.models.v2.misc.service import ServiceType
from zenml.services import BaseService, ServiceConfig

from health_predict.errors import InfrastructureError
from stacks.components.seldon_local.service import SeldonLocalConfig, SeldonLocalService

_START = 60  # seconds; a cold disk included
_PATIENCE = 180.0  # seconds to wait for another process that deploys


class SeldonLocalDeployerConfig(BaseModelDeployerConfig):
    """Where endpoints live and how their server starts.

    Attributes:
        folder: one folder an endpoint below it.
        python: interpreter of the serving environment.
        port: preferred; another free one is taken, and kept, if it is in use.
        threads: requests answered at a time.
    """

    folder: str
    python: str
    host: str = "127.0.0.1"
    port: int = 8485
    threads: int = 4

    @property
    def is_local(self) -> bool:
        """Endpoints are processes of this machine."""
        return True


class SeldonLocalDeployer(BaseModelDeployer):
    """Endpoints on this machine, found, updated and stopped from any process of the project."""

    NAME: ClassVar[str] = "Seldon, local"
    FLAVOR: ClassVar[Any] = None  # set by the flavor, which imports this class

    @property
    def config(self) -> SeldonLocalDeployerConfig:
        """The component's configuration."""
        return cast(SeldonLocalDeployerConfig, self._config)

    def find_endpoint(self, name: str) -> SeldonLocalService | None:
        """Return the endpoint of this name with its present status, running or not.

        Not through `find_model_server`, which deletes the record of an endpoint that another process is just making.
        """
        kind, own = SeldonLocalService.SERVICE_TYPE, str(Path(self.config.folder) / name)
        records = Client().list_services(type=kind.type, flavor=kind.flavor, hydrate=True).items
        made = [SeldonLocalService.from_model(record) for record in records if record.service_source]
        found = next((s for s in made if isinstance(s, SeldonLocalService) and s.config.folder == own), None)
        if found is not None:
            found.update_status()
        return found

    def serve(self, name: str, release_folder: Path, timeout: float = _START) -> SeldonLocalService:
        """Serve a release at the endpoint `name`, in place where it is there.

        Raises:
            InfrastructureError: the release is not served; what was served before is.
        """
        with self._alone(name):
            service = self.find_endpoint(name)
            if service is not None:
                service.serve(release_folder, timeout)
            else:
                service = self._create(name, release_folder, timeout)
            self._record(service)
        return service

    def stop_endpoint(self, name: str) -> SeldonLocalService | None:
        """Stop the endpoint and return it, or None if there is none; what it served is remembered."""
        with self._alone(name):
            service = self.find_endpoint(name)
            if service is not None:
                service.stop(timeout=_START)
                self._record(service)
        return service

    def perform_deploy_model(self, id: UUID, config: ServiceConfig, timeout: int = _START) -> BaseService:
        """Start what the endpoint's folder says; `serve` gives it a release first."""
        service = SeldonLocalService(uuid=id, config=config)
        service.start(timeout=timeout)
        return service

    def perform_stop_model(self, service: BaseService, timeout: int = _START, force: bool = False) -> BaseService:
        """End the server and close its port."""
        service.stop(timeout=timeout, force=force)
        return service

    def perform_start_model(self, service: BaseService, timeout: int = _START) -> BaseService:
        """Start the server again, with the release it served last."""
        service.start(timeout=timeout)
        return service

    def perform_delete_model(self, service: BaseService, timeout: int = _START, force: bool = False) -> None:
        """End the server and forget what it served."""
        service.stop(timeout=timeout, force=force)
        cast(SeldonLocalService, service).releases.point_to(None)

    @staticmethod
    def get_model_server_info(service: BaseService) -> dict[str, str | None]:
        """What `zenml model-deployer models describe` shows."""
        own = cast(SeldonLocalService, service)
        health = own.health() or {}
        return {
            "PREDICTION_URL": own.prediction_url,
            "MODEL_VERSION": health.get("model_version"),
            "RUN_ID": health.get("run_id"),
            "LOG_FILE": str(own.server.log_file),
        }

    def _create(self, name: str, release_folder: Path, timeout: float) -> SeldonLocalService:
        config = SeldonLocalConfig(
            name=name,
            folder=str(Path(self.config.folder) / name),
            python=self.config.python,
            host=self.config.host,
            port=self.config.port,
            threads=self.config.threads,
        )
        kind: ServiceType = SeldonLocalService.SERVICE_TYPE
        record = Client().create_service(config=config, service_type=kind)
        service = SeldonLocalService(uuid=record.id, config=config)
        try:
            self._record(service)  # complete from the start: others may look for it while it comes up
            service.serve(release_folder, timeout)
        except Exception:
            Client().delete_service(record.id)
            raise
        return service

    @staticmethod
    def _record(service: SeldonLocalService) -> None:
        Client().update_service(
            id=service.uuid,
            name=service.config.service_name,
            service_source=service.model_dump().get("type"),
            admin_state=service.admin_state,
            status=service.status.model_dump(),
            endpoint=service.endpoint.model_dump(),
            prediction_url=service.prediction_url,
            health_check_url=service.get_healthcheck_url(),
        )

    @contextmanager
    def _alone(self, name: str) -> Iterator[None]:
        folder = Path(self.config.folder)
        folder.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(folder / f"{name}.lock", timeout=_PATIENCE):
                yield
        except Timeout as error:
            raise InfrastructureError(f"another process has been deploying to {name} for {_PATIENCE:.0f} s") from error
