"""The manifests of infra/minikube against the schemas of its Kubernetes version, and what they promise."""

import copy
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from adapters.seldon_pod import pod_spec
from configs.deploy import DeployConfig
from configs.loading import load
from stacks.stack_file import PROJECT
from tests.adapters.seldon_crd import problems, webhook_problems

pytestmark = pytest.mark.infra

Resource = dict[str, Any]
FOLDER = PROJECT / "infra" / "minikube"
VERSION = re.search(r"KUBERNETES_VERSION=v(\d+\.\d+)", (FOLDER / "cluster.sh").read_text())[1]
VALUES = sorted(FOLDER.glob("*-values.yaml"))  # of charts, which are no manifests
MANIFESTS = sorted(set(FOLDER.glob("*.yaml")) - set(VALUES))
OTHER_SCHEMAS = {"SeldonDeployment", "Gateway"}  # custom resources
EXECUTOR = {"cpu": "500m", "memory": "512Mi"}  # limits of Seldon's own container, by its chart
UNITS = {"m": 1e-3, "Mi": 2.0**20, "Gi": 2.0**30}


def resources(*files: Path) -> list[Resource]:
    return [resource for file in files or MANIFESTS for resource in yaml.safe_load_all(file.read_text())]


def of_kind(kind: str) -> list[Resource]:
    return [resource for resource in resources() if resource["kind"] == kind]


def faults(file: Path) -> str:
    """What kubernetes-validate says of a file, unless every resource in it passed; it carries the schemas itself."""
    program = PROJECT / ".venv-infra" / "bin" / "kubernetes-validate"
    command = [program, "--kubernetes-version", VERSION, "--strict", file]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    passed = done.stdout.count(f"against version {VERSION}")  # of a kind without a schema it only warns
    return "" if (done.returncode, passed) == (0, len(resources(file))) else done.stdout + done.stderr


@pytest.mark.parametrize("file", MANIFESTS, ids=lambda file: file.name)
def test_every_manifest_is_valid_in_the_clusters_version(file: Path, tmp_path: Path) -> None:
    known = [resource for resource in resources(file) if resource["kind"] not in OTHER_SCHEMAS]
    (tmp_path / file.name).write_text(yaml.safe_dump_all(known))
    assert faults(tmp_path / file.name) == ""


@pytest.mark.parametrize(
    ("kind", "path", "value"),
    [
        ("ResourceQuota", ("spec", "hards"), {}),
        ("NetworkPolicy", ("spec", "policyType"), ["Ingress"]),
        ("NetworkPolicy", ("spec", "podSelector"), []),
        ("PodDisruptionBudget", ("apiVersion",), "policy/v1beta1"),  # is gone since Kubernetes 1.25
        ("LimitRange", ("spec", "limits"), {}),
    ],
)
def test_a_wrong_field_is_refused(tmp_path: Path, kind: str, path: tuple[str, ...], value: object) -> None:
    spoiled = copy.deepcopy(of_kind(kind)[0])
    place = spoiled
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    (tmp_path / "spoiled.yaml").write_text(yaml.safe_dump(spoiled))
    assert faults(tmp_path / "spoiled.yaml")


def test_custom_resources_are_those_that_have_a_check_of_their_own() -> None:
    custom = {resource["kind"] for resource in resources() if "." in resource["apiVersion"].partition("/")[0]}
    assert custom - OTHER_SCHEMAS <= {"NetworkPolicy", "Role"}  # whose groups have a dot, too
    for model in of_kind("SeldonDeployment"):
        assert problems(model) + webhook_problems(model) == []
    (gateway,) = of_kind("Gateway")
    assert set(gateway["spec"]) == {"selector", "servers"}
    for server in gateway["spec"]["servers"]:
        assert set(server) == {"port", "hosts"}
        assert set(server["port"]) == {"number", "name", "protocol"}


def test_everything_is_in_the_namespace_and_up_applies_all_of_it() -> None:
    (namespace,) = of_kind("Namespace")
    places = {r["metadata"].get("namespace") for r in resources() if r["kind"] not in ("Namespace", "Gateway")}
    assert places == {namespace["metadata"]["name"]}
    applied = set(re.findall(r"-f (\S+\.yaml)", (FOLDER / "up.sh").read_text()))
    assert applied == {file.name for file in MANIFESTS}


def test_pods_are_held_to_the_profiles_of_this_version() -> None:
    labels = of_kind("Namespace")[0]["metadata"]["labels"]
    start = "pod-security.kubernetes.io/"
    assert {labels[start + name] for name in ("warn", "audit")} == {"restricted"}
    assert (labels[f"{start}enforce"], labels[f"{start}enforce-version"]) == ("baseline", f"v{VERSION}")


def test_our_own_pods_keep_the_restricted_profile() -> None:
    pod = pod_spec("image", load(DeployConfig, "deploy").endpoint)
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault"
    for container in pod["containers"]:
        assert container["securityContext"]["capabilities"]["drop"] == ["ALL"]
        assert container["securityContext"]["allowPrivilegeEscalation"] is False
    assert {next(iter(set(volume) - {"name"})) for volume in pod["volumes"]} == {"emptyDir"}


def test_nothing_comes_in_or_goes_out_that_is_not_named() -> None:
    policies = {policy["metadata"]["name"]: policy["spec"] for policy in of_kind("NetworkPolicy")}
    assert policies.pop("default-deny") == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    opened = [
        (name, rule) for name, spec in policies.items() for way in ("ingress", "egress") for rule in spec.get(way, [])
    ]
    assert sorted(name for name, _ in opened) == ["from-ingress", "to-dns"]
    for name, rule in opened:
        (peer,) = rule.get("from") or rule.get("to")
        assert peer.keys() == {"namespaceSelector", "podSelector"}, f"{name} opens a whole namespace"
        assert rule["ports"], f"{name} opens every port"
        assert "ipBlock" not in peer


def test_the_gateway_that_may_come_in_is_the_one_that_seldons_routes_use() -> None:
    (policy,) = [p for p in of_kind("NetworkPolicy") if p["metadata"]["name"] == "from-ingress"]
    (peer,) = policy["spec"]["ingress"][0]["from"]
    (gateway,) = of_kind("Gateway")
    assert peer["podSelector"]["matchLabels"] == gateway["spec"]["selector"]
    namespace = peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"]
    assert re.search(rf"chart istio-ingressgateway gateway {namespace} ", (FOLDER / "up.sh").read_text())


def test_the_quota_holds_an_update_of_the_endpoint_and_the_smoke_model() -> None:
    """Old and new pods at once, each with Seldon's container; and no more than a few of them."""
    settings = load(DeployConfig, "deploy").endpoint
    hard = of_kind("ResourceQuota")[0]["spec"]["hard"]
    pods = 2 * settings.replicas + 1
    assert pods <= int(hard["pods"]) <= 2 * pods
    for resource, limit in (("cpu", settings.cpu_limit), ("memory", settings.memory_limit)):
        needed = pods * (amount(limit) + amount(EXECUTOR[resource]))
        assert needed <= amount(hard[f"limits.{resource}"]) <= 2 * needed
    requested = {"cpu": settings.cpu_request, "memory": settings.memory_request}
    for resource, request in requested.items():
        assert pods * 2 * amount(request) <= amount(hard[f"requests.{resource}"])


def test_a_container_may_be_as_large_as_the_endpoints() -> None:
    settings = load(DeployConfig, "deploy").endpoint
    (limits,) = of_kind("LimitRange")[0]["spec"]["limits"]
    assert amount(settings.cpu_limit) <= amount(limits["max"]["cpu"])
    assert amount(settings.memory_limit) <= amount(limits["max"]["memory"])
    assert {name: amount(limits["default"][name]) for name in EXECUTOR} == {n: amount(v) for n, v in EXECUTOR.items()}


def test_an_endpoint_of_several_pods_keeps_all_but_one_when_a_node_is_emptied() -> None:
    (budget,) = of_kind("PodDisruptionBudget")
    assert budget["spec"]["maxUnavailable"] == 1 < load(DeployConfig, "deploy").endpoint.replicas
    (policy,) = [p for p in of_kind("NetworkPolicy") if p["metadata"]["name"] == "from-ingress"]
    assert budget["spec"]["selector"] == policy["spec"]["podSelector"]


def amount(quantity: str) -> float:
    """A Kubernetes quantity as a number."""
    number, unit = re.fullmatch(r"([\d.]+)(\D*)", quantity).groups()
    return float(number) * UNITS.get(unit, 1.0)
