"""The endpoint on Kubernetes against a stub API; the tests play Seldon's operator."""

import copy
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable

import pytest

from health_predict.errors import InfrastructureError
from stacks.environment import PROJECT
from tests.adapters.kubernetes_stub import CONTEXT, NAMESPACE, KubernetesStub, Resource
from tests.adapters.seldon_endpoints import (
    BASE_URL,
    WAIT,
    always_works,
    deploy,
    deployed,
    endpoint,
    fresh_endpoint,
    minikube_stack,
    path_of,
    pod_of,
    stub,
)

__all__ = ["deployed", "endpoint", "minikube_stack", "stub"]


def test_nothing_is_found_where_nothing_was_deployed(stub, endpoint) -> None:
    assert endpoint.find() is None
    assert endpoint.stop() is None


def test_the_first_deployment_makes_one_seldon_deployment(stub, endpoint, deployed) -> None:
    resource = stub.only()
    name = resource["metadata"]["name"]
    assert deployed.endpoint.url == f"{BASE_URL}/seldon/{NAMESPACE}/{name}/api/v1.0/predictions"
    assert (deployed.endpoint.name, deployed.endpoint.state, deployed.endpoint.model_version) == (name, "running", "1")
    assert (deployed.previous, deployed.restore_point) == (None, None)
    assert (resource["spec"]["replicas"], resource["spec"]["predictors"][0]["replicas"]) == (2, 2)
    assert resource["metadata"]["labels"]["zenml.run_id"] == "run1"
    assert endpoint.find() == deployed.endpoint


def test_requests_are_tried_again_while_pods_are_exchanged(stub, endpoint, deployed) -> None:
    assert stub.only()["metadata"]["annotations"]["seldon.io/istio-retries"] == "3"
    stub.operator = always_works
    deploy(endpoint, "2")
    assert stub.only()["metadata"]["annotations"]["seldon.io/istio-retries"] == "3"


def test_the_pod_is_confined_probed_and_limited(stub, endpoint, deployed) -> None:
    pod = pod_of(stub.only())
    (container,) = pod["containers"]
    assert (container["name"], container["image"]) == ("classifier", "localhost:5000/server:1")
    assert container["resources"]["limits"] == {"cpu": "1", "memory": "512Mi"}
    assert container["readinessProbe"]["httpGet"]["path"] == "/health"
    assert container["livenessProbe"]["httpGet"]["path"] == "/health/ping"
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert container["securityContext"]["readOnlyRootFilesystem"]
    assert pod["securityContext"]["runAsNonRoot"]
    assert not pod["automountServiceAccountToken"]
    assert "imagePullSecrets" not in pod
    assert "initContainers" not in pod


def test_zenml_knows_the_endpoint(stub, endpoint, deployed) -> None:
    from zenml.client import Client

    (record,) = Client().list_services(service_name=f"health-predict on {CONTEXT}/{NAMESPACE}").items
    assert (f"zenml-{record.id}", record.prediction_url) == (deployed.endpoint.name, deployed.endpoint.url)


def test_a_pull_secret_and_more_replicas_are_told(stub) -> None:
    stub.operator = always_works
    deploy(fresh_endpoint(image_pull_secret="login", replicas=3), "1")  # noqa: S106 - the name of one
    assert pod_of(stub.only())["imagePullSecrets"] == [{"name": "login"}]
    assert stub.only()["spec"]["predictors"][0]["replicas"] == 3


def test_an_update_is_in_place(stub, endpoint, deployed) -> None:
    stub.operator = always_works
    updated = deploy(endpoint, "2")
    resource = stub.only()
    assert (updated.endpoint.name, updated.endpoint.url) == (deployed.endpoint.name, deployed.endpoint.url)
    assert updated.endpoint.model_version == "2"
    assert updated.previous == "1"
    assert pod_of(resource)["containers"][0]["image"] == "localhost:5000/server:2"
    assert (resource["spec"]["replicas"], resource["metadata"]["labels"]["zenml.model_version"]) == (2, "2")
    assert [verb for verb, _ in stub.requests if verb != "GET"] == ["POST", "PATCH", "PATCH"]  # made, routed, updated


def test_available_of_the_old_version_is_not_taken_for_the_new_one(stub, endpoint, deployed) -> None:
    """After a PATCH the status says Available until the operator looks; here it looks late, and rolls out in steps."""
    name = deployed.endpoint.name
    seen: list[str] = []

    def slowly(stub: KubernetesStub, resource: Resource) -> None:
        def step(what: str, **status: int) -> None:
            seen.append(what)
            stub.roll_out(name, **status)

        steps = [
            ("one of two", {"updatedReplicas": 1, "replicas": 3}),
            ("old pods ending", {"replicas": 4}),
            ("complete", {}),
        ]
        for index, (what, status) in enumerate(steps):
            threading.Timer(0.3 * (index + 1), step, args=(what,), kwargs=status).start()

    stub.operator = slowly
    deploy(endpoint, "2")
    assert seen == ["one of two", "old pods ending", "complete"]


def test_a_change_of_resources_alone_is_waited_for(stub, deployed) -> None:
    """Same image, other limits: the pods of before must not pass for those of after."""
    with pytest.raises(InfrastructureError, match="Seldon has not taken up the new pod spec yet"):
        deploy(fresh_endpoint(memory_limit="1Gi"), "1", timeout=0.2)


def test_a_time_out_raises_says_what_to_do_and_puts_the_old_version_back(stub, endpoint, deployed) -> None:
    name = deployed.endpoint.name

    def starts_only(stub: KubernetesStub, resource: Resource) -> None:
        stub.operator = None  # what follows is the update that puts version 1 back
        stub.roll_out(name, updatedReplicas=1, replicas=3)
        stub.set_status(name, state="Creating", deploymentStatus={"d": {"availableReplicas": 2}})
        waiting = {"name": "classifier", "ready": False, "image": "i", "imageID": "", "restartCount": 0}
        stub.add_pod(name, "p1", containerStatuses=[{**waiting, "state": {"waiting": {"reason": "ImagePullBackOff"}}}])

    stub.operator = starts_only
    with pytest.raises(InfrastructureError) as caught:
        deploy(endpoint, "2", timeout=0.2)
    message = str(caught.value)
    assert message.startswith(f"Kubernetes context {CONTEXT}, namespace {NAMESPACE}: SeldonDeployment {name}")
    assert "1 of 2 new pods are available (classifier: ImagePullBackOff)" in message
    assert f"kubectl --context {CONTEXT} -n {NAMESPACE} describe pods -l seldon-deployment-id={name}" in message
    assert message.endswith("version 1 is put back and serves on")
    assert "\n" not in message
    assert caught.value.exit_code == 5
    assert pod_of(stub.only())["containers"][0]["image"] == "localhost:5000/server:1"
    assert endpoint.find().model_version == "1"


def test_the_first_deployment_that_times_out_is_left_and_the_next_one_updates_it(stub, endpoint) -> None:
    with pytest.raises(InfrastructureError, match=r"Seldon has not made its pods yet.*nothing served before"):
        deploy(endpoint, "1", timeout=0.2)
    assert endpoint.find().state == "starting"
    name = stub.only()["metadata"]["name"]
    stub.operator = always_works
    done = deploy(endpoint, "2")
    assert (done.endpoint.name, done.previous) == (name, None)


def test_a_failed_status_raises_at_once_with_the_reason(stub, endpoint) -> None:
    def fails(stub: KubernetesStub, resource: Resource) -> None:
        unsure = [{"type": "Ready", "status": "Unknown"}]  # ZenML's client cannot parse this
        why = "Deployment is no longer progressing and not available."
        stub.set_status(resource["metadata"]["name"], state="Failed", description=why, conditions=unsure)

    stub.operator = fails
    with pytest.raises(InfrastructureError, match=r"failed: Deployment is no longer progressing"):
        deploy(endpoint, "1", timeout=60)
    assert len(stub.seldon_deployments) == 1
    assert endpoint.find().state == "failed"


def test_a_failure_of_the_former_version_is_not_the_new_ones(stub, endpoint, deployed) -> None:
    name = deployed.endpoint.name
    stub.set_status(name, state="Failed", description="the node is gone")

    def recovers_later(stub: KubernetesStub, resource: Resource) -> None:
        threading.Timer(0.3, always_works, args=(stub, resource)).start()

    stub.operator = recovers_later
    assert deploy(endpoint, "2").endpoint.model_version == "2"


def test_restore_goes_back_in_place(stub, endpoint, deployed) -> None:
    stub.operator = always_works
    before = pod_of(stub.only())
    updated = deploy(endpoint, "2")
    restored = endpoint.restore(updated, timeout=WAIT)
    assert (restored.url, restored.model_version) == (deployed.endpoint.url, "1")
    assert pod_of(stub.only()) == before
    assert json.loads(updated.restore_point)["model_version"] == "1"


def test_restore_of_a_first_deployment_deletes_it(stub, endpoint, deployed) -> None:
    assert endpoint.restore(deployed, timeout=WAIT).state == "stopped"
    assert stub.seldon_deployments == []


def test_stop_deletes_the_resource_and_zenmls_record_and_a_new_deployment_is_made(stub, endpoint, deployed) -> None:
    from zenml.client import Client

    assert endpoint.stop().state == "stopped"
    assert (stub.seldon_deployments, endpoint.find()) == ([], None)
    assert Client().list_services(service_name=f"health-predict on {CONTEXT}/{NAMESPACE}").items == []
    stub.operator = always_works
    assert deploy(endpoint, "1").endpoint.name == stub.only()["metadata"]["name"]


def test_a_resource_deleted_by_hand_is_made_again(stub, endpoint, deployed) -> None:
    """ZenML would find its record of the same configuration and do nothing."""
    stub.answer("DELETE", path_of(deployed.endpoint.name), "", None)
    stub.operator = always_works
    assert deploy(endpoint, "1").endpoint.name == stub.only()["metadata"]["name"]


@pytest.mark.slow
def test_another_process_with_an_empty_zenml_store_finds_and_updates_it(stub, endpoint, deployed, tmp_path) -> None:
    stub.operator = always_works
    code = (
        "from pathlib import Path\n"
        "from stacks.apply import apply_stack\n"
        "apply_stack('minikube', activate=True)\n"
        "from tests.adapters.seldon_endpoints import deploy, fresh_endpoint\n"
        "endpoint = fresh_endpoint()\n"
        "print('found', endpoint.find().model_version)\n"
        "print('now', deploy(endpoint, '2').endpoint.model_version)\n"
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ZENML_")}
    environment |= {"HEALTH_PREDICT_STATE": str(tmp_path / "other"), "KUBECONFIG": str(stub.kubeconfig)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert [line for line in done.stdout.splitlines() if line.startswith(("found", "now"))] == ["found 1", "now 2"]
    assert stub.only()["metadata"]["name"] == deployed.endpoint.name


def test_two_updates_at_once_are_told(stub, endpoint, deployed, monkeypatch) -> None:
    def another(stub: KubernetesStub, name: str) -> None:
        body = {"spec": {"replicas": 5}}
        stub.answer("PATCH", path_of(name), "application/merge-patch+json", body)

    _in_between(stub, endpoint, monkeypatch, another)
    with pytest.raises(InfrastructureError, match=r"has been modified \(409\); another deployment changed it"):
        deploy(endpoint, "2")


def test_a_status_written_in_between_is_no_conflict(stub, endpoint, deployed, monkeypatch) -> None:
    _in_between(stub, endpoint, monkeypatch, lambda stub, name: stub.set_status(name, state="Available"))
    stub.operator = always_works
    assert deploy(endpoint, "2").endpoint.model_version == "2"


def _in_between(stub, endpoint, monkeypatch, write: Callable[[KubernetesStub, str], None]) -> None:
    """Write once between reading and updating."""
    find = type(endpoint)._find

    def find_then_lose(self) -> Resource:
        found = copy.deepcopy(find(self))
        monkeypatch.setattr(type(endpoint), "_find", find)
        write(stub, found["metadata"]["name"])
        return found

    monkeypatch.setattr(type(endpoint), "_find", find_then_lose)


def test_a_status_that_zenml_cannot_parse_is_no_failure(stub, endpoint) -> None:
    """Seldon's operator writes `Unknown` while it creates; ZenML then says there is no such deployment."""

    def unsure_first(stub: KubernetesStub, resource: Resource) -> None:
        unsure = [{"type": "Ready", "status": "Unknown"}]
        stub.set_status(resource["metadata"]["name"], state="Creating", conditions=unsure)
        threading.Timer(0.3, always_works, args=(stub, resource)).start()

    stub.operator = unsure_first
    assert deploy(endpoint, "1").endpoint.state == "running"
    assert deploy(endpoint, "2").previous == "1"
    assert len(stub.seldon_deployments) == 1
