"""A custom model deployer flavor, the smallest that ZenML accepts: what stacks/components will hold."""

from zenml.model_deployers.base_model_deployer import (
    BaseModelDeployer,
    BaseModelDeployerConfig,
    BaseModelDeployerFlavor,
)


class TinyConfig(BaseModelDeployerConfig):
    port: int = 8080
    token: str | None = None


class TinyDeployer(BaseModelDeployer):
    def perform_deploy_model(self, id, config, timeout=0):
        raise NotImplementedError

    def perform_stop_model(self, service, timeout=0, force=False):
        raise NotImplementedError

    def perform_start_model(self, service, timeout=0):
        raise NotImplementedError

    def perform_delete_model(self, service, timeout=0, force=False):
        raise NotImplementedError

    @staticmethod
    def get_model_server_info(service):
        return {}


class TinyFlavor(BaseModelDeployerFlavor):
    @property
    def name(self):
        return "tiny"

    @property
    def config_class(self):
        return TinyConfig

    @property
    def implementation_class(self):
        return TinyDeployer


class TakenFlavor(TinyFlavor):
    @property
    def name(self):
        return "seldon"
