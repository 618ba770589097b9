"""The endpoint of the active stack, whatever its model deployer is: a process here, or a SeldonDeployment."""

from pathlib import Path
from typing import Any, Protocol

from zenml.client import Client

from configs.deploy import EndpointSettings
from health_predict.errors import InputError
from health_predict.release import Release
from health_predict.rollout import Deployed, Endpoint


class SeldonEndpoint(Protocol):
    """What a deployment needs of a platform."""

    def find(self) -> Endpoint | None:
        """Return the endpoint, running or not; None if nothing was ever deployed."""

    def deploy(self, folder: Path, release: Release, image: str | None, timeout: float) -> Deployed:
        """Serve a release; InfrastructureError, and what served before serves on, if that fails."""

    def restore(self, deployed: Deployed, timeout: float) -> Endpoint | None:
        """Serve what served before, or nothing if nothing did."""

    def stop(self) -> Endpoint | None:
        """Stop serving; None if there is no endpoint."""


def endpoint_of_stack(settings: EndpointSettings) -> SeldonEndpoint:
    """Return the active stack's endpoint; InputError if the stack has no deployer that serves Seldon's protocol."""
    stack = Client().active_stack
    deployer = stack.model_deployer
    if deployer is None:
        raise InputError(f"stack {stack.name} has no model deployer; choose another with --stack (zenml stack list)")
    if deployer.flavor == "seldon_local":
        return _local(deployer, settings)
    if deployer.flavor == "seldon":
        return _kubernetes(deployer, settings)
    known = "seldon_local, seldon"
    raise InputError(f"stack {stack.name}: its model deployer has flavor {deployer.flavor}, not one of {known}")


def _local(deployer: Any, settings: EndpointSettings) -> SeldonEndpoint:  # noqa: ANN401 - ZenML's component
    from adapters.seldon_local import SeldonLocal

    return SeldonLocal(deployer, settings.name)


def _kubernetes(deployer: Any, settings: EndpointSettings) -> SeldonEndpoint:  # noqa: ANN401 - ZenML's component
    from adapters.seldon_kubernetes import SeldonKubernetes

    return SeldonKubernetes(deployer, settings)
