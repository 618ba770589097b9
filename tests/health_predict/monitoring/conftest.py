"""A small reference over invented encounters, made once."""

import pytest

from health_predict.monitoring.monitored import NAMES
from health_predict.monitoring.reference import Reference, build_reference
from tests.health_predict.monitoring.invented import encounters, outcomes

SIZES = (250, 1000)


@pytest.fixture(scope="session")
def reference() -> Reference:
    frame = encounters(4000, seed=1)
    y, score = outcomes(len(frame), seed=1)
    importances = {name: 1 / len(NAMES) for name in NAMES}
    return build_reference(frame, y, score, importances, sizes=SIZES, draws=4000, seed=0)
