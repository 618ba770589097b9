"""The endpoint on Kubernetes where the cluster refuses, or holds what cannot be used."""

import json
import re
from types import SimpleNamespace

import pytest
import yaml

from adapters.seldon_pod import pod_spec
from configs.deploy import EndpointSettings
from health_predict.errors import InfrastructureError, InputError
from tests.adapters.kubernetes_stub import CONTEXT, write_kubeconfig
from tests.adapters.seldon_endpoints import (
    NOTHING,
    WAIT,
    deploy,
    deployed,
    endpoint,
    fresh_endpoint,
    minikube_stack,
    release_of,
    stub,
)

__all__ = ["deployed", "endpoint", "minikube_stack", "stub"]


def test_an_api_that_does_not_answer_is_named(stub, monkeypatch, tmp_path) -> None:
    from kubernetes.config import kube_config

    nowhere = write_kubeconfig(tmp_path, "http://127.0.0.1:9")
    monkeypatch.setattr(kube_config, "KUBE_CONFIG_DEFAULT_LOCATION", str(nowhere))
    with pytest.raises(InfrastructureError, match=rf"Kubernetes context {CONTEXT}.*no answer.*is the cluster up") as e:
        deploy(fresh_endpoint(), "1")
    assert e.value.exit_code == 5


def test_a_context_that_the_kubeconfig_lacks_is_named(stub) -> None:
    content = yaml.safe_load(stub.kubeconfig.read_text())
    content["contexts"][0]["name"] = content["current-context"] = "another"
    stub.kubeconfig.write_text(yaml.safe_dump(content))
    with pytest.raises(InfrastructureError, match=rf"context {CONTEXT}: .*kubectl config get-contexts"):
        fresh_endpoint().find()


@pytest.mark.parametrize(
    ("verb", "collection"),
    [("GET", "seldondeployments"), ("POST", "seldondeployments"), ("GET", "deployments")],
)
def test_missing_rights_are_told_with_the_servers_words(stub, endpoint, verb, collection) -> None:
    stub.forbidden = {(verb, collection)}
    with pytest.raises(InfrastructureError, match=r"User .deployer. cannot .*\(403\); .*deployer-role.yaml"):
        deploy(endpoint, "1")


def test_an_update_without_rights_changes_nothing(stub, endpoint, deployed) -> None:
    stub.forbidden = {("PATCH", "seldondeployments")}
    with pytest.raises(InfrastructureError, match="cannot patch"):
        deploy(endpoint, "2")
    assert endpoint.find() == deployed.endpoint


def test_without_rights_on_pods_the_rest_is_told(stub, endpoint) -> None:
    stub.forbidden = {("GET", "pods")}
    with pytest.raises(InfrastructureError, match="is not ready after 0 s: Seldon has not made its pods yet; see"):
        deploy(endpoint, "1", timeout=0.2)


def test_a_cluster_without_seldon_is_told(stub, endpoint) -> None:
    stub.missing = {"seldondeployments"}
    with pytest.raises(InfrastructureError, match=r"\(404\); is Seldon Core v1 installed"):
        endpoint.find()


def test_what_zenml_did_not_make_is_not_touched(stub, endpoint, deployed) -> None:
    foreign = json.loads(json.dumps(stub.only()))
    foreign["metadata"] |= {"name": "by-hand", "labels": {"zenml.model_name": "health-predict"}}
    stub.stored["seldondeployments"] = {"by-hand": foreign}
    assert endpoint.find() is None


def test_a_damaged_annotation_is_told(stub, endpoint, deployed) -> None:
    stub.only()["metadata"]["annotations"]["zenml.service_config"] = "{"
    assert endpoint.find().model_version is None
    with pytest.raises(InfrastructureError, match=r"no readable annotation zenml.service_config; .*--stop-endpoint"):
        deploy(endpoint, "2")


def test_an_image_is_needed(stub, endpoint) -> None:
    with pytest.raises(InputError, match="needs an image; add a container registry to the stack"):
        endpoint.deploy(NOTHING, release_of("1"), None, WAIT)


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ({"securityContxt": {}}, "containers.securityContxt: unknown field (422)"),
        (
            {"ports": [{"containerPort": 9000, "protocol": "TCP"}] * 2},
            "containers.ports: duplicate (9000, 'TCP') (422)",
        ),
        ({"imagePullPolicy": 3}, "containers.imagePullPolicy: not str (422)"),
        ({"name": "model"}, "graph: Can't find container for Predictive Unit (422)"),
    ],
)
def test_the_stub_refuses_what_kubernetes_or_seldon_would(stub, endpoint, deployed, monkeypatch, fault, told) -> None:
    """Negative control: the checks that the tests above rely on can fail."""
    import adapters.seldon_kubernetes as adapter

    def faulty(image: str, settings: EndpointSettings) -> dict:
        spec = pod_spec(image, settings)
        return {**spec, "containers": [{**spec["containers"][0], **fault}]}

    monkeypatch.setattr(adapter, "pod_spec", faulty)
    with pytest.raises(InfrastructureError, match=re.escape(told)):
        deploy(endpoint, "2")
    assert endpoint.find() == deployed.endpoint


def test_pods_that_cannot_start_are_explained() -> None:
    from kubernetes.client import ApiClient

    from adapters.seldon_cluster import _troubles

    status = {
        "conditions": [
            {
                "type": "PodScheduled",
                "status": "False",
                "reason": "Unschedulable",
                "message": "0/1 nodes are available:\n1 Insufficient cpu.",
            }
        ],
        "containerStatuses": [
            {
                "name": "classifier",
                "ready": False,
                "image": "i",
                "imageID": "",
                "restartCount": 3,
                "state": {"waiting": {"reason": "CrashLoopBackOff"}},
                "lastState": {"terminated": {"reason": "OOMKilled", "exitCode": 137}},
            }
        ],
    }
    text = json.dumps({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "classifier"}]}, "status": status})
    pod = ApiClient().deserialize(SimpleNamespace(data=text), "V1Pod")
    assert list(_troubles(pod)) == [
        "Unschedulable: 0/1 nodes are available: 1 Insufficient cpu",
        "classifier: CrashLoopBackOff after OOMKilled",
    ]
