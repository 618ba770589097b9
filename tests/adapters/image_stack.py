"""The two components of a stack that make an image, as ZenML makes them from its store; here without one."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.stacks.own_store import forget_clients


@contextmanager
def zenml_in(folder: Path) -> Iterator[None]:
    """Let ZenML keep its configuration in `folder`, and not in the user's home."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZENML_CONFIG_PATH", str(folder))
        forget_clients()
        yield
        forget_clients()


def image_builder() -> Any:
    from zenml.image_builders import LocalImageBuilder, LocalImageBuilderConfig

    return LocalImageBuilder(config=LocalImageBuilderConfig(), **component("image_builder", "local"))


def image_registry(uri: str, default_repository: str | None = None) -> Any:
    from zenml.container_registries import BaseContainerRegistry
    from zenml.container_registries.base_container_registry import BaseContainerRegistryConfig

    config = BaseContainerRegistryConfig(uri=uri, default_repository=default_repository)
    return BaseContainerRegistry(config=config, **component("container_registry", "default"))


def component(kind: str, flavor: str) -> dict[str, Any]:
    from zenml.enums import StackComponentType

    now = datetime.now(UTC)
    identity = {"name": kind, "id": uuid4(), "flavor": flavor, "type": StackComponentType(kind)}
    return {**identity, "user": None, "created": now, "updated": now}
