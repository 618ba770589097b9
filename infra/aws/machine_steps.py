"""What of the stack `aws` is on the machine: endpoint, Seldon and Istio, the cluster, the services and their data."""

import json
import os
import sys
import time
from typing import Any

from health_predict.errors import InfrastructureError
from infra.aws.teardown_step import Step, asked, done, found
from stacks.environment import PROJECT

# release and namespace, as infra/minikube/up.sh installs them, the last first
RELEASES = (
    ("seldon-core", "seldon-system"),
    ("istio-ingressgateway", "istio-ingress"),
    ("istiod", "istio-system"),
    ("istio-base", "istio-system"),
)
COMPOSE_DOWN = [sys.executable, "-m", "infra.compose", "down", "--delete-data", "--yes"]
_PROFILE = "health-predict"  # of minikube, and by default its context and namespace, as in infra/minikube/cluster.sh
_KIND = {"group": "machinelearning.seldon.io", "version": "v1", "plural": "seldondeployments"}
_PATIENCE = (5.0, 30.0)  # seconds to connect, to answer
_ENDING = 120.0  # seconds until Seldon has removed what belongs to a SeldonDeployment
_PAUSE = 1.0
_VOLUMES = ["docker", "volume", "ls", "--quiet", "--filter", "label=com.docker.compose.project=health-predict"]


def machine_steps() -> list[Step]:
    """Return the steps, in their order."""
    return [
        Step("champion", _champion, lambda: "goes with the volumes and the bucket"),
        Step("SeldonDeployments", _look_at_endpoints, _delete_endpoints),
        Step("Seldon's operator and Istio", _look_at_releases, _uninstall),
        Step("Minikube", _look_at_cluster, _delete_cluster),
        Step("Compose services and volumes", _look_at_volumes, _delete_volumes),
    ]


def _context() -> str:
    return os.environ.get("HEALTH_PREDICT_KUBE_CONTEXT") or _PROFILE


def _champion() -> str:
    """Say which model is lost; a registry that does not answer does not stop a teardown."""
    from adapters.stack_connection import registry_of_stack
    from driver.stack import use_stack

    try:
        use_stack(os.environ.get("HEALTH_PREDICT_STACK") or "aws")
        champion = registry_of_stack().champion()
    except Exception as error:  # of MLflow, ZenML or the network
        return f"not known ({str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__})"
    if champion is None:
        return "none"
    return f"version {champion.version} since {champion.tags.get('champion_since')}, run {champion.run_id}"


def _endpoints() -> tuple[Any, str, list[str]] | None:
    """The API, the namespace and the names of its SeldonDeployments; None if there is no cluster that answers."""
    from kubernetes.client import CustomObjectsApi
    from kubernetes.client.exceptions import ApiException
    from kubernetes.config import ConfigException, new_client_from_config
    from urllib3.exceptions import HTTPError

    namespace = os.environ.get("HEALTH_PREDICT_KUBE_NAMESPACE") or _PROFILE
    try:
        client = new_client_from_config(context=_context())
        client.rest_client.pool_manager.connection_pool_kw["retries"] = 1
        api = CustomObjectsApi(client)
        listed = api.list_namespaced_custom_object(**_KIND, namespace=namespace, _request_timeout=_PATIENCE)
    except (ConfigException, HTTPError, OSError):
        return None
    except ApiException as error:
        if error.status == 404:  # Seldon is not installed
            return None
        raise _refused(f"SeldonDeployments in {namespace} cannot be listed", error.reason) from None
    return api, namespace, [item["metadata"]["name"] for item in listed["items"]]


def _look_at_endpoints() -> str:
    known = _endpoints()
    return (", ".join(known[2]) or "none") if known else "no cluster answers"


def _delete_endpoints() -> str:
    from kubernetes.client.exceptions import ApiException

    known = _endpoints()
    if not known or not known[2]:
        return "nothing to do"
    api, namespace, names = known
    for name in names:
        try:
            api.delete_namespaced_custom_object(**_KIND, namespace=namespace, name=name, _request_timeout=_PATIENCE)
        except ApiException as error:
            if error.status != 404:
                raise _refused(f"SeldonDeployment {name} cannot be deleted", error.reason) from None
    _wait_until_gone()
    return ", ".join(names)


def _wait_until_gone() -> None:
    """Seldon's operator must remove what it made before it is removed itself."""
    until = time.monotonic() + _ENDING
    while (known := _endpoints()) and known[2]:
        if time.monotonic() > until:
            raise _refused(f"SeldonDeployments {', '.join(known[2])} are still there", f"after {_ENDING:.0f} s")
        time.sleep(_PAUSE)


def _refused(what: str, why: object) -> InfrastructureError:
    return InfrastructureError(f"Kubernetes context {_context()}: {what} ({why}); mend it, then run make destroy again")


def _releases() -> list[tuple[str, str]]:
    if not found("helm"):
        return []
    options = ["--kube-context", _context()]
    return [
        pair for pair in RELEASES if asked(["helm", "status", pair[0], *options, "--namespace", pair[1]]) is not None
    ]


def _look_at_releases() -> str:
    return ", ".join(name for name, _ in _releases()) or "none"


def _uninstall() -> str:
    releases = _releases()
    for name, namespace in releases:
        done(["helm", "uninstall", name, "--kube-context", _context(), "--namespace", namespace, "--wait"])
    return ", ".join(name for name, _ in releases) or "nothing to do"


def _look_at_cluster() -> str:
    if not found("minikube"):
        return "minikube is not installed"
    listed = json.loads(asked(["minikube", "profile", "list", "--light", "--output", "json"]) or "{}")
    names = [profile["Name"] for kind in ("valid", "invalid") for profile in listed.get(kind) or []]
    return f"profile {_PROFILE}" if _PROFILE in names else "none"


def _delete_cluster() -> str:
    if not found("minikube"):
        return "nothing to do"
    done([str(PROJECT / "infra" / "minikube" / "down.sh")])  # also what is half there
    return f"profile {_PROFILE}"


def _look_at_volumes() -> str:
    listed = (asked(_VOLUMES) or "") if found("docker") else ""
    return f"{len(listed.split())} volumes" if listed.split() else "none"


def _delete_volumes() -> str:
    said = _look_at_volumes()
    if said == "none":
        return "nothing to do"
    done(COMPOSE_DOWN)
    return said
