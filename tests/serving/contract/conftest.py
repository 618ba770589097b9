"""The contract of a model endpoint, tested wherever it runs.

Without further words the tests start a local server. To test another one (a container, a pod), name it and the release
folder that it was given, from which the expected probabilities are computed:

    HEALTH_PREDICT_CONTRACT_URL=http://127.0.0.1:9000 HEALTH_PREDICT_CONTRACT_RELEASE=/path/to/release \
        python -m pytest -n 0 tests/serving/contract

The URL may have a path, as an endpoint behind Seldon's ingress has: http://host/seldon/namespace/name. There only
test_seldon_path.py applies, and HEALTH_PREDICT_CONTRACT_ROUTES=seldon leaves the rest out.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np
import numpy.typing as npt
import pytest

from health_predict.features import Value
from health_predict.records import generate_records
from health_predict.release import Release, read_release
from health_predict.scorer import Scorer, load_scorer
from tests.serving.processes import server

_URL, _RELEASE, _ROUTES = (f"HEALTH_PREDICT_CONTRACT_{name}" for name in ("URL", "RELEASE", "ROUTES"))


@dataclass(frozen=True)
class Endpoint:
    """What is tested, and the release it should answer with."""

    client: httpx.Client
    release: Release
    scorer: Scorer

    def expected(self, records: list[dict[str, Value]]) -> npt.NDArray[np.float64]:
        return self.scorer.probabilities(records)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if os.environ.get(_ROUTES) == "seldon":
        for item in items:
            if item.path.parent == Path(__file__).parent and item.path.name != "test_seldon_path.py":
                item.add_marker(pytest.mark.skip(reason="behind Seldon's ingress only its own paths are reached"))


@pytest.fixture(scope="session")
def endpoint_address(request: pytest.FixtureRequest, tmp_path_factory) -> Iterator[tuple[str, Path]]:
    """The URL and the release folder that the environment names, or those of a server started here."""
    if _URL in os.environ:
        yield os.environ[_URL].rstrip("/"), Path(os.environ[_RELEASE])
        return
    release = request.getfixturevalue("releases")["xgboost"]
    with server(release, tmp_path_factory.mktemp("contract") / "server.log") as started:
        yield started.url, release


@pytest.fixture(scope="session")
def endpoint(endpoint_address: tuple[str, Path]) -> Iterator[Endpoint]:
    url, folder = endpoint_address
    with httpx.Client(base_url=url, timeout=20) as client:
        yield Endpoint(client, read_release(folder), load_scorer(folder))


@pytest.fixture(scope="session")
def records() -> list[dict[str, Value]]:
    """Valid records with and without missing values, drawn over the declaration."""
    return generate_records(40, seed=7, share_missing=0.2)
