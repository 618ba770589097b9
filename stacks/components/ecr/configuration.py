"""What a stack file may set of the registry."""

from zenml.integrations.aws.flavors.aws_container_registry_flavor import AWSContainerRegistryConfig


class EcrConfig(AWSContainerRegistryConfig):
    """ZenML's, and the region, which ZenML reads from the host's name: not every name of ECR holds it so.

    Attributes:
        region: AWS region; None takes it from the URI.
    """

    region: str | None = None
