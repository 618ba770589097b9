"""The flavor `ecr`, as stack files name it."""

from zenml.container_registries import BaseContainerRegistry
from zenml.container_registries.base_container_registry import BaseContainerRegistryConfig
from zenml.integrations.aws.flavors import AWSContainerRegistryFlavor

from stacks.components.ecr.configuration import EcrConfig
from stacks.components.ecr.registry import EcrRegistry


class EcrFlavor(AWSContainerRegistryFlavor):
    """ZenML's `aws`, which logs in by itself."""

    @property
    def name(self) -> str:
        """The flavor's name."""
        return "ecr"

    @property
    def config_class(self) -> type[BaseContainerRegistryConfig]:
        """What a stack file may set."""
        return EcrConfig

    @property
    def implementation_class(self) -> type[BaseContainerRegistry]:
        """The registry."""
        return EcrRegistry
