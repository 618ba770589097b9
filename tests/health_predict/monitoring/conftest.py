"""A small reference over invented encounters, made once."""

import pytest

from health_predict.monitoring.reference import Reference
from tests.health_predict.monitoring.invented_check import small_reference


@pytest.fixture(scope="session")
def reference() -> Reference:
    return small_reference()
