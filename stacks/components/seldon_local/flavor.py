"""The flavor `seldon_local`, as stack files name it."""

from zenml.model_deployers.base_model_deployer import (
    BaseModelDeployer,
    BaseModelDeployerConfig,
    BaseModelDeployerFlavor,
)

from stacks.components.seldon_local.deployer import SeldonLocalDeployer, SeldonLocalDeployerConfig


class SeldonLocalDeployerFlavor(BaseModelDeployerFlavor):
    """The Seldon server as a local process."""

    @property
    def name(self) -> str:
        """The flavor's name."""
        return "seldon_local"

    @property
    def config_class(self) -> type[BaseModelDeployerConfig]:
        """What a stack file may set."""
        return SeldonLocalDeployerConfig

    @property
    def implementation_class(self) -> type[BaseModelDeployer]:
        """The deployer."""
        return SeldonLocalDeployer


SeldonLocalDeployer.FLAVOR = SeldonLocalDeployerFlavor
