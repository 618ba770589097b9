"""The local stack's own model deployer, and releases for it to serve."""

from collections.abc import Iterator

import pytest

from stacks.components.seldon_local.deployer import SeldonLocalDeployer
from tests.serving.conftest import releases, served_models
from tests.stacks.own_store import Store

__all__ = ["releases", "served_models"]


@pytest.fixture(scope="package")
def deployer(store: Store) -> Iterator[SeldonLocalDeployer]:
    from zenml.client import Client

    found = Client().active_stack.model_deployer
    assert isinstance(found, SeldonLocalDeployer)
    yield found
    for service in found.find_model_server():
        found.delete_model_server(service.uuid)
