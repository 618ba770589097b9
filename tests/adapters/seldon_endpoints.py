"""The minikube stack against a stub API, and an endpoint on it, for the tests of Seldon on Kubernetes."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from configs.deploy import EndpointSettings
from health_predict.release import Release
from health_predict.rollout import Deployed
from stacks.environment import PREPARED_FOR, prepare
from tests.adapters.kubernetes_stub import CONTEXT, NAMESPACE, KubernetesStub, Resource, running_stub
from tests.stacks.own_store import forget_clients

SETTINGS = EndpointSettings(
    name="health-predict",
    timeout=10,
    replicas=2,
    cpu_request="100m",
    cpu_limit="1",
    memory_request="256Mi",
    memory_limit="512Mi",
    image_pull_secret=None,
)
BASE_URL = "http://ingress.test:30080"
NOTHING = Path("unused")  # the bundle is in the image
LOOK = 0.05  # seconds between two looks at the cluster
WAIT = 5.0  # what deploy may take where it is to succeed


@pytest.fixture(scope="module", autouse=True)
def minikube_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The minikube stack, active on a store of its own."""
    from stacks.apply import apply_stack

    before = dict(os.environ)
    for name in [name for name in before if name.startswith(("ZENML_", "HEALTH_PREDICT_", PREPARED_FOR))]:
        del os.environ[name]
    os.environ.update(
        HEALTH_PREDICT_STATE=str(tmp_path_factory.mktemp("state")),
        HEALTH_PREDICT_KUBE_CONTEXT=CONTEXT,
        HEALTH_PREDICT_KUBE_NAMESPACE=NAMESPACE,
        HEALTH_PREDICT_SELDON_URL=BASE_URL,
    )
    prepare()
    forget_clients()
    apply_stack("minikube", activate=True)
    yield
    os.environ.clear()
    os.environ.update(before)
    forget_clients()


@pytest.fixture
def stub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[KubernetesStub]:
    from kubernetes.config import kube_config

    import adapters.seldon_kubernetes as adapter

    monkeypatch.setattr(adapter, "_PAUSE", LOOK)
    with running_stub(tmp_path) as running:
        monkeypatch.setattr(kube_config, "KUBE_CONFIG_DEFAULT_LOCATION", str(running.kubeconfig))
        yield running


@pytest.fixture
def endpoint(stub: KubernetesStub):
    """The endpoint through a deployer that has spoken to no cluster yet."""
    return fresh_endpoint()


def fresh_endpoint(**changes: object):
    from zenml.client import Client

    from adapters.seldon_kubernetes import SeldonKubernetes

    deployer = Client().active_stack.model_deployer
    deployer._client = None
    return SeldonKubernetes(deployer, SETTINGS.model_copy(update=changes))


def release_of(version: str) -> Release:
    return Release(model_name="HealthPredict", model_version=version, run_id=f"run{version}")


def deploy(endpoint, version: str, timeout: float = WAIT) -> Deployed:
    return endpoint.deploy(NOTHING, release_of(version), f"localhost:5000/server:{version}", timeout)


def always_works(stub: KubernetesStub, resource: Resource) -> None:
    """An operator whose every update succeeds at once."""
    name = resource["metadata"]["name"]
    stub.roll_out(name)
    stub.set_status(name, state="Available", deploymentStatus={"d": {"availableReplicas": 2}})


def pod_of(resource: Resource) -> Resource:
    return resource["spec"]["predictors"][0]["componentSpecs"][0]["spec"]


@pytest.fixture
def deployed(stub: KubernetesStub, endpoint) -> Deployed:
    """Version 1 serves; after that, the operator does nothing by itself."""
    stub.operator = always_works
    done = deploy(endpoint, "1")
    stub.operator = None
    return done


def path_of(name: str) -> str:
    return f"/apis/machinelearning.seldon.io/v1/namespaces/{NAMESPACE}/seldondeployments/{name}"
