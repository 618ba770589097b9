"""ZenML's ECR registry with the login that it leaves to `docker login`."""

import base64
from datetime import UTC, datetime, timedelta
from typing import cast

from botocore.exceptions import BotoCoreError, ClientError
from zenml.integrations.aws.container_registries import AWSContainerRegistry

from health_predict.errors import InfrastructureError
from stacks.components.ecr.configuration import EcrConfig

_MARGIN = timedelta(minutes=30)  # a token that ends within a push is of no use; ECR's last twelve hours


class EcrRegistry(AWSContainerRegistry):
    """Logs in with the AWS account of the process, and again before the token ends; the token is kept nowhere else."""

    _expires: datetime | None = None

    @property
    def config(self) -> EcrConfig:
        """The component's configuration."""
        return cast(EcrConfig, self._config)

    @property
    def credentials(self) -> tuple[str, str] | None:
        """User and token, as every build, push and look into the registry asks for them.

        InfrastructureError if ECR cannot be reached or gives this account no token.
        """
        if self.connector or self.config.authentication_secret:
            return super().credentials
        if self._expires is None or datetime.now(UTC) > self._expires - _MARGIN:
            self._credentials, self._expires = self._login()
        return self._credentials

    def _login(self) -> tuple[tuple[str, str], datetime]:
        try:
            (answer,) = self._get_ecr_client().get_authorization_token()["authorizationData"]
        except (ClientError, BotoCoreError) as error:
            code = error.response["Error"]["Code"] if isinstance(error, ClientError) else type(error).__name__
            cure = (
                "check the AWS credentials of this process (aws sts get-caller-identity) and ecr:GetAuthorizationToken"
            )
            raise InfrastructureError(f"container registry {self.config.uri}: no login ({code}); {cure}") from None
        user, _, token = base64.b64decode(answer["authorizationToken"]).decode().partition(":")
        return (user, token), answer["expiresAt"]

    def _get_region(self) -> str:
        return self.config.region or super()._get_region()
