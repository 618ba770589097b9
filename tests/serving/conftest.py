"""Releases and servers that the tests of the model server share."""

from pathlib import Path

import pytest

from health_predict.families import Family
from health_predict.model import TrainedModel
from tests.serving.releases import train_models, write_releases


@pytest.fixture(scope="session")
def served_models() -> dict[Family, TrainedModel]:
    return train_models()


@pytest.fixture(scope="session")
def releases(served_models, tmp_path_factory) -> dict[Family, Path]:
    """A release folder a family: HealthPredict versions 1, 2 and 3."""
    return write_releases(served_models, tmp_path_factory.mktemp("releases"))
