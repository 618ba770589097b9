"""The flavor `ecr`, as stack files name it."""

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
    def config_class(self) -> type[EcrConfig]:
        """What a stack file may set."""
        return EcrConfig

    @property
    def implementation_class(self) -> type[EcrRegistry]:
        """The registry."""
        return EcrRegistry
