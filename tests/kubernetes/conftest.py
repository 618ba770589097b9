"""A real cluster with Seldon Core v1, or NOT RUN.

    export KUBECONFIG=~/.kube/config
    export HEALTH_PREDICT_TEST_IMAGE=localhost:5000/health-predict-server:1 HEALTH_PREDICT_TEST_RELEASE=/releases/1
    export HEALTH_PREDICT_TEST_IMAGE_2=localhost:5000/health-predict-server:2 HEALTH_PREDICT_TEST_RELEASE_2=/releases/2
    python -m pytest -n 0 tests/kubernetes

Images and release folders are two versions that a deployment made; where the cluster is, the variables of
stacks/minikube.yaml say. The tests make an endpoint of their own, and delete it.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from configs.deploy import DeployConfig
from configs.loading import load
from health_predict.errors import InfrastructureError
from health_predict.release import Release, read_release
from stacks.environment import PREPARED_FOR, prepare
from tests.stacks.own_store import forget_clients

NAME = "health-predict-test"
_NEEDED = ("KUBECONFIG", *(f"HEALTH_PREDICT_TEST_{what}{n}" for n in ("", "_2") for what in ("IMAGE", "RELEASE")))
_OWN = ("HEALTH_PREDICT_KUBE_", "HEALTH_PREDICT_SELDON_", "HEALTH_PREDICT_TEST_")


@dataclass(frozen=True)
class Version:
    """An image, and the release folder that is baked into it."""

    image: str
    folder: Path
    release: Release


@pytest.fixture(scope="session")
def versions() -> tuple[Version, Version]:
    missing = [name for name in _NEEDED if not os.environ.get(name)]
    if missing:
        pytest.skip(f"NOT RUN: no cluster is named; set {', '.join(missing)} (see tests/kubernetes/conftest.py)")
    first, second = (_version(n) for n in ("", "_2"))
    return first, second


@pytest.fixture(scope="session")
def endpoint(versions, tmp_path_factory) -> Iterator:
    """The endpoint of these tests through the stack `minikube`, on a ZenML store of its own; deleted afterwards."""
    from adapters.seldon_kubernetes import SeldonKubernetes
    from stacks.apply import apply_stack

    before = dict(os.environ)
    for name in before:
        if name.startswith(("ZENML_", "HEALTH_PREDICT_", PREPARED_FOR)) and not name.startswith(_OWN):
            del os.environ[name]
    os.environ["HEALTH_PREDICT_STATE"] = str(tmp_path_factory.mktemp("state"))
    prepare()
    forget_clients()
    apply_stack("minikube", activate=True)
    from zenml.client import Client

    settings = load(DeployConfig, "deploy").endpoint.model_copy(update={"name": NAME})
    endpoint = SeldonKubernetes(Client().active_stack.model_deployer, settings)
    try:
        endpoint.stop()  # what an earlier run may have left
    except InfrastructureError as error:
        pytest.skip(f"NOT RUN: {error}")
    yield endpoint
    endpoint.stop()
    os.environ.clear()
    os.environ.update(before)
    forget_clients()


def _version(suffix: str) -> Version:
    folder = Path(os.environ[f"HEALTH_PREDICT_TEST_RELEASE{suffix}"])
    return Version(os.environ[f"HEALTH_PREDICT_TEST_IMAGE{suffix}"], folder, read_release(folder))
