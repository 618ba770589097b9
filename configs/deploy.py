"""The settings of the deploy pipeline; their values stand in deploy.yaml."""

from pydantic import Field, PositiveFloat, PositiveInt

from configs.loading import Settings


class EndpointSettings(Settings):
    """The endpoint; what is said about pods holds where the stack serves on Kubernetes."""

    name: str = Field(pattern=r"^[a-z][a-z0-9-]{0,40}$")
    timeout: PositiveFloat
    replicas: PositiveInt
    cpu_request: str
    cpu_limit: str
    memory_request: str
    memory_limit: str
    image_pull_secret: str | None


class ImageSettings(Settings):
    """The server's image, built where the stack has a container registry."""

    repository: str = Field(pattern=r"^[a-z0-9][a-z0-9._/-]*$")
    base_image: str


class VerificationSettings(Settings):
    """What an endpoint must show before the rollout stands."""

    timeout: PositiveFloat
    requests: int = Field(ge=5, le=1000)


class DeployConfig(Settings):
    """Everything that `run.py --pipeline deploy` can be told."""

    endpoint: EndpointSettings
    image: ImageSettings
    verification: VerificationSettings
