"""The local stack's own model deployer, and releases for it to serve."""

import pytest

from stacks.components.seldon_local.deployer import SeldonLocalDeployer
from tests.serving.conftest import releases, served_models
from tests.stacks.own_store import Store

__all__ = ["releases", "served_models"]


@pytest.fixture(scope="package")
def deployer(store: Store) -> SeldonLocalDeployer:
    from zenml.client import Client

    found = Client().active_stack.model_deployer
    assert isinstance(found, SeldonLocalDeployer)
    return found
