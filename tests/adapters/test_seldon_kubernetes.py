"""The endpoint on Kubernetes against a stub API; the tests play Seldon's operator."""

import copy
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from adapters.seldon_pod import pod_spec
from configs.deploy import EndpointSettings
from health_predict.errors import InfrastructureError, InputError
from health_predict.release import Release
from health_predict.rollout import Deployed
from stacks.environment import PREPARED_FOR, PROJECT, prepare
from tests.adapters.kubernetes_stub import CONTEXT, NAMESPACE, KubernetesStub, Resource, running_stub, write_kubeconfig
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
def _stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
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
    return _endpoint()


def _endpoint(**changes: object):
    from zenml.client import Client

    from adapters.seldon_kubernetes import SeldonKubernetes

    deployer = Client().active_stack.model_deployer
    deployer._client = None
    return SeldonKubernetes(deployer, SETTINGS.model_copy(update=changes))


def _release(version: str) -> Release:
    return Release(model_name="HealthPredict", model_version=version, run_id=f"run{version}")


def _deploy(endpoint, version: str, timeout: float = WAIT) -> Deployed:
    return endpoint.deploy(NOTHING, _release(version), f"localhost:5000/server:{version}", timeout)


def _works(stub: KubernetesStub, resource: Resource) -> None:
    """An operator whose every update succeeds at once."""
    name = resource["metadata"]["name"]
    stub.roll_out(name)
    stub.set_status(name, state="Available", deploymentStatus={"d": {"availableReplicas": 2}})


def _pod(resource: Resource) -> Resource:
    return resource["spec"]["predictors"][0]["componentSpecs"][0]["spec"]


@pytest.fixture
def deployed(stub: KubernetesStub, endpoint) -> Deployed:
    """Version 1 serves; after that, the operator does nothing by itself."""
    stub.operator = _works
    done = _deploy(endpoint, "1")
    stub.operator = None
    return done


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
    stub.operator = _works
    _deploy(endpoint, "2")
    assert stub.only()["metadata"]["annotations"]["seldon.io/istio-retries"] == "3"


def test_the_pod_is_confined_probed_and_limited(stub, endpoint, deployed) -> None:
    pod = _pod(stub.only())
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
    stub.operator = _works
    _deploy(_endpoint(image_pull_secret="login", replicas=3), "1")  # noqa: S106 - the name of one
    assert _pod(stub.only())["imagePullSecrets"] == [{"name": "login"}]
    assert stub.only()["spec"]["predictors"][0]["replicas"] == 3


def test_an_update_is_in_place(stub, endpoint, deployed) -> None:
    stub.operator = _works
    updated = _deploy(endpoint, "2")
    resource = stub.only()
    assert (updated.endpoint.name, updated.endpoint.url) == (deployed.endpoint.name, deployed.endpoint.url)
    assert updated.endpoint.model_version == "2"
    assert updated.previous == "1"
    assert _pod(resource)["containers"][0]["image"] == "localhost:5000/server:2"
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
    _deploy(endpoint, "2")
    assert seen == ["one of two", "old pods ending", "complete"]


def test_a_change_of_resources_alone_is_waited_for(stub, deployed) -> None:
    """Same image, other limits: the pods of before must not pass for those of after."""
    with pytest.raises(InfrastructureError, match="Seldon has not taken up the new pod spec yet"):
        _deploy(_endpoint(memory_limit="1Gi"), "1", timeout=0.2)


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
        _deploy(endpoint, "2", timeout=0.2)
    message = str(caught.value)
    assert message.startswith(f"Kubernetes context {CONTEXT}, namespace {NAMESPACE}: SeldonDeployment {name}")
    assert "1 of 2 new pods are available (classifier: ImagePullBackOff)" in message
    assert f"kubectl --context {CONTEXT} -n {NAMESPACE} describe pods -l seldon-deployment-id={name}" in message
    assert message.endswith("version 1 is put back and serves on")
    assert "\n" not in message
    assert caught.value.exit_code == 5
    assert _pod(stub.only())["containers"][0]["image"] == "localhost:5000/server:1"
    assert endpoint.find().model_version == "1"


def test_the_first_deployment_that_times_out_is_left_and_the_next_one_updates_it(stub, endpoint) -> None:
    with pytest.raises(InfrastructureError, match=r"Seldon has not made its pods yet.*nothing served before"):
        _deploy(endpoint, "1", timeout=0.2)
    assert endpoint.find().state == "starting"
    name = stub.only()["metadata"]["name"]
    stub.operator = _works
    done = _deploy(endpoint, "2")
    assert (done.endpoint.name, done.previous) == (name, None)


def test_a_failed_status_raises_at_once_with_the_reason(stub, endpoint) -> None:
    def fails(stub: KubernetesStub, resource: Resource) -> None:
        unsure = [{"type": "Ready", "status": "Unknown"}]  # ZenML's client cannot parse this
        why = "Deployment is no longer progressing and not available."
        stub.set_status(resource["metadata"]["name"], state="Failed", description=why, conditions=unsure)

    stub.operator = fails
    with pytest.raises(InfrastructureError, match=r"failed: Deployment is no longer progressing"):
        _deploy(endpoint, "1", timeout=60)
    assert len(stub.seldon_deployments) == 1
    assert endpoint.find().state == "failed"


def test_a_failure_of_the_former_version_is_not_the_new_ones(stub, endpoint, deployed) -> None:
    name = deployed.endpoint.name
    stub.set_status(name, state="Failed", description="the node is gone")

    def recovers_later(stub: KubernetesStub, resource: Resource) -> None:
        threading.Timer(0.3, _works, args=(stub, resource)).start()

    stub.operator = recovers_later
    assert _deploy(endpoint, "2").endpoint.model_version == "2"


def test_restore_goes_back_in_place(stub, endpoint, deployed) -> None:
    stub.operator = _works
    before = _pod(stub.only())
    updated = _deploy(endpoint, "2")
    restored = endpoint.restore(updated, timeout=WAIT)
    assert (restored.url, restored.model_version) == (deployed.endpoint.url, "1")
    assert _pod(stub.only()) == before
    assert json.loads(updated.restore_point)["model_version"] == "1"


def test_restore_of_a_first_deployment_deletes_it(stub, endpoint, deployed) -> None:
    assert endpoint.restore(deployed, timeout=WAIT).state == "stopped"
    assert stub.seldon_deployments == []


def test_stop_deletes_the_resource_and_zenmls_record_and_a_new_deployment_is_made(stub, endpoint, deployed) -> None:
    from zenml.client import Client

    assert endpoint.stop().state == "stopped"
    assert (stub.seldon_deployments, endpoint.find()) == ([], None)
    assert Client().list_services(service_name=f"health-predict on {CONTEXT}/{NAMESPACE}").items == []
    stub.operator = _works
    assert _deploy(endpoint, "1").endpoint.name == stub.only()["metadata"]["name"]


def test_a_resource_deleted_by_hand_is_made_again(stub, endpoint, deployed) -> None:
    """ZenML would find its record of the same configuration and do nothing."""
    stub.answer("DELETE", _path(deployed.endpoint.name), "", None)
    stub.operator = _works
    assert _deploy(endpoint, "1").endpoint.name == stub.only()["metadata"]["name"]


@pytest.mark.slow
def test_another_process_with_an_empty_zenml_store_finds_and_updates_it(stub, endpoint, deployed, tmp_path) -> None:
    stub.operator = _works
    code = (
        "from pathlib import Path\n"
        "from stacks.apply import apply_stack\n"
        "apply_stack('minikube', activate=True)\n"
        "from tests.adapters.test_seldon_kubernetes import SETTINGS, _deploy, _endpoint\n"
        "endpoint = _endpoint()\n"
        "print('found', endpoint.find().model_version)\n"
        "print('now', _deploy(endpoint, '2').endpoint.model_version)\n"
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
        stub.answer("PATCH", _path(name), "application/merge-patch+json", body)

    _in_between(stub, endpoint, monkeypatch, another)
    with pytest.raises(InfrastructureError, match=r"has been modified \(409\); another deployment changed it"):
        _deploy(endpoint, "2")


def test_a_status_written_in_between_is_no_conflict(stub, endpoint, deployed, monkeypatch) -> None:
    _in_between(stub, endpoint, monkeypatch, lambda stub, name: stub.set_status(name, state="Available"))
    stub.operator = _works
    assert _deploy(endpoint, "2").endpoint.model_version == "2"


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
        threading.Timer(0.3, _works, args=(stub, resource)).start()

    stub.operator = unsure_first
    assert _deploy(endpoint, "1").endpoint.state == "running"
    assert _deploy(endpoint, "2").previous == "1"
    assert len(stub.seldon_deployments) == 1


def test_an_api_that_does_not_answer_is_named(stub, monkeypatch, tmp_path) -> None:
    from kubernetes.config import kube_config

    nowhere = write_kubeconfig(tmp_path, "http://127.0.0.1:9")
    monkeypatch.setattr(kube_config, "KUBE_CONFIG_DEFAULT_LOCATION", str(nowhere))
    with pytest.raises(InfrastructureError, match=rf"Kubernetes context {CONTEXT}.*no answer.*is the cluster up") as e:
        _deploy(_endpoint(), "1")
    assert e.value.exit_code == 5


def test_a_context_that_the_kubeconfig_lacks_is_named(stub) -> None:
    content = yaml.safe_load(stub.kubeconfig.read_text())
    content["contexts"][0]["name"] = content["current-context"] = "another"
    stub.kubeconfig.write_text(yaml.safe_dump(content))
    with pytest.raises(InfrastructureError, match=rf"context {CONTEXT}: .*kubectl config get-contexts"):
        _endpoint().find()


@pytest.mark.parametrize(
    ("verb", "collection"),
    [("GET", "seldondeployments"), ("POST", "seldondeployments"), ("GET", "deployments")],
)
def test_missing_rights_are_told_with_the_servers_words(stub, endpoint, verb, collection) -> None:
    stub.forbidden = {(verb, collection)}
    with pytest.raises(InfrastructureError, match=r"User .deployer. cannot .*\(403\); .*deployer-role.yaml"):
        _deploy(endpoint, "1")


def test_an_update_without_rights_changes_nothing(stub, endpoint, deployed) -> None:
    stub.forbidden = {("PATCH", "seldondeployments")}
    with pytest.raises(InfrastructureError, match="cannot patch"):
        _deploy(endpoint, "2")
    assert endpoint.find() == deployed.endpoint


def test_without_rights_on_pods_the_rest_is_told(stub, endpoint) -> None:
    stub.forbidden = {("GET", "pods")}
    with pytest.raises(InfrastructureError, match="is not ready after 0 s: Seldon has not made its pods yet; see"):
        _deploy(endpoint, "1", timeout=0.2)


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
        _deploy(endpoint, "2")


def test_an_image_is_needed(stub, endpoint) -> None:
    with pytest.raises(InputError, match="needs an image; add a container registry to the stack"):
        endpoint.deploy(NOTHING, _release("1"), None, WAIT)


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
        _deploy(endpoint, "2")
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


def _path(name: str) -> str:
    return f"/apis/machinelearning.seldon.io/v1/namespaces/{NAMESPACE}/seldondeployments/{name}"
