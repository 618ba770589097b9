"""SeldonDeployments in one namespace of a Kubernetes cluster, read and written without ZenML's client.

ZenML's client cannot parse a status with the condition `Unknown`, which Seldon's operator writes while it creates; it
then reports that there is no such deployment. It sends no resourceVersion, so of two updates at once the later wins
unseen, and hides the server's message. Here the resource is plain data, conflicts and refusals are told as such.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from kubernetes.client import ApiClient, AppsV1Api, Configuration, CoreV1Api, CustomObjectsApi, V1Deployment, V1Pod
from kubernetes.client.exceptions import ApiException
from urllib3 import Retry
from urllib3.exceptions import HTTPError
from zenml.integrations.seldon.model_deployers import SeldonModelDeployer
from zenml.integrations.seldon.seldon_client import SeldonClientError

from adapters.seldon_pod import fingerprint
from health_predict.errors import InfrastructureError

Resource = dict[str, Any]
MANAGED = {"app": "zenml"}  # ZenML's mark on what it made
_KIND = {"group": "machinelearning.seldon.io", "version": "v1", "plural": "seldondeployments"}
_PATIENCE = (5.0, 30.0)  # seconds to connect, to answer
_CURES = {
    401: "the credentials are refused; log in to the cluster again",
    403: "this account may not do that; it needs the rights in infra/minikube/deployer-role.yaml",
    404: "is Seldon Core v1 installed, and is there such a namespace? See infra/minikube/up.sh",
    409: "another deployment changed it at the same time; run it again",
}


@dataclass(frozen=True)
class SeldonCluster:
    """`context` and `namespace` as messages name them, and a client that is configured for them."""

    context: str
    namespace: str
    client: ApiClient

    @classmethod
    def of_deployer(cls, deployer: SeldonModelDeployer) -> "SeldonCluster":
        """Return the cluster that a ZenML deployer works on; InfrastructureError without a usable kubeconfig."""
        context = deployer.config.kubernetes_context or "current"
        try:
            namespace = deployer.seldon_client.namespace  # loads the kubeconfig, too
        except SeldonClientError as error:
            why = error.__cause__ or error
            cure = "see `kubectl config get-contexts` and the model deployer in the stack file"
            raise InfrastructureError(f"Kubernetes context {context}: {_line(why)}; {cure}") from error
        connector = deployer.get_connector()
        return cls(context, namespace, connector.connect() if connector else _default_client())

    def __str__(self) -> str:
        return f"Kubernetes context {self.context}, namespace {self.namespace}"

    def find(self, **labels: str) -> Resource | None:
        """Return the SeldonDeployment with these labels that ZenML made; the oldest, if there are several."""
        selector = ",".join(f"{key}={value}" for key, value in {**MANAGED, **labels}.items())
        with self.answering("cannot list SeldonDeployments"):
            found = self._custom.list_namespaced_custom_object(
                **_KIND, namespace=self.namespace, label_selector=selector, _request_timeout=_PATIENCE
            )["items"]
        living = [item for item in found if "deletionTimestamp" not in item["metadata"]]
        return min(living, key=lambda item: str(item["metadata"].get("creationTimestamp")), default=None)

    def get(self, name: str) -> Resource | None:
        """Return a SeldonDeployment, None if there is none."""
        with self.answering(f"cannot read SeldonDeployment {name}"):
            try:
                found: Resource = self._custom.get_namespaced_custom_object(
                    **_KIND, namespace=self.namespace, name=name, _request_timeout=_PATIENCE
                )
            except ApiException as error:
                if error.status == 404:
                    return None
                raise
        return found

    def patch(self, read: Resource, change: Resource) -> None:
        """Merge `change` into a SeldonDeployment, unless somebody else updated it since it was `read`.

        Seldon writes the status all the time, which counts as a conflict for Kubernetes, and here as none.
        """
        name, generation = (read["metadata"][key] for key in ("name", "generation"))
        with self.answering(f"cannot update SeldonDeployment {name}"):
            while True:
                try:
                    return self._merge(read, change)
                except ApiException as error:
                    current = self.get(name) if error.status == 409 else None
                    if current is None or current["metadata"]["generation"] != generation:
                        raise
                    read = current

    def _merge(self, read: Resource, change: Resource) -> None:
        metadata = {**change["metadata"], "resourceVersion": read["metadata"]["resourceVersion"]}
        self._custom.patch_namespaced_custom_object(
            **_KIND,
            namespace=self.namespace,
            name=read["metadata"]["name"],
            body={**change, "metadata": metadata},
            _request_timeout=_PATIENCE,
        )

    def delete(self, name: str) -> None:
        """Delete a SeldonDeployment, and with it all that Seldon made for it; none is no error."""
        with self.answering(f"cannot delete SeldonDeployment {name}"):
            try:
                self._custom.delete_namespaced_custom_object(
                    **_KIND, namespace=self.namespace, name=name, _request_timeout=_PATIENCE
                )
            except ApiException as error:
                if error.status != 404:
                    raise

    def unfinished(self, name: str, pod: str, replicas: int) -> str:
        """Say what is missing until `replicas` pods of the fingerprint `pod`, and no others, serve; empty if nothing.

        Asks Kubernetes itself: the status of a SeldonDeployment stays `Available` for a while after an update.
        """
        with self.answering("cannot list Deployments"):
            found = AppsV1Api(self.client).list_namespaced_deployment(
                self.namespace, label_selector=f"seldon-deployment-id={name}", _request_timeout=_PATIENCE
            )
        if not found.items:
            return "Seldon has not made its pods yet"
        return next(filter(None, (_unfinished(item, pod, replicas) for item in found.items)), "")

    def troubles(self, name: str) -> str:
        """Say what keeps the pods of a SeldonDeployment from being ready; empty if that cannot be told."""
        try:
            pods = CoreV1Api(self.client).list_namespaced_pod(
                self.namespace, label_selector=f"seldon-deployment-id={name}", _request_timeout=_PATIENCE
            )
        except (ApiException, HTTPError):
            return ""
        return ", ".join(sorted({trouble for pod in pods.items for trouble in _troubles(pod)}))

    @contextmanager
    def answering(self, failure: str) -> Iterator[None]:
        """Turn what the Kubernetes client or ZenML's wrapping of it raises into an InfrastructureError of one line."""
        try:
            yield
        except (ApiException, HTTPError, OSError, SeldonClientError, RuntimeError) as error:
            raise InfrastructureError(f"{self}: {failure}: {_explain(error)}") from error

    @property
    def _custom(self) -> CustomObjectsApi:
        return CustomObjectsApi(self.client)


def _default_client() -> ApiClient:
    """A client for the kubeconfig that was loaded last, patient with an API server that restarts."""
    configuration = Configuration.get_default_copy()
    configuration.retries = Retry(total=5, backoff_factor=0.2)  # six seconds in all
    return ApiClient(configuration)


def _unfinished(deployment: V1Deployment, pod: str, replicas: int) -> str:
    status = deployment.status
    if fingerprint(deployment.spec.template.spec.to_dict()) != pod:
        return "Seldon has not taken up the new pod spec yet"
    if (status.observed_generation or 0) < deployment.metadata.generation:
        return "Kubernetes has not begun the roll-out yet"
    updated, available = status.updated_replicas or 0, status.available_replicas or 0
    if updated < replicas or available < replicas:
        return f"{min(updated, available)} of {replicas} new pods are available"
    return "old pods are still ending" if (status.replicas or 0) > updated else ""


def _troubles(pod: V1Pod) -> Iterator[str]:
    for condition in pod.status.conditions or []:
        if condition.type == "PodScheduled" and condition.status == "False":
            yield f"{condition.reason}: {_line(condition.message)}"
    for container in pod.status.container_statuses or []:
        waiting = container.state and container.state.waiting
        last = container.last_state and container.last_state.terminated
        if waiting:
            yield f"{container.name}: {waiting.reason}" + (f" after {last.reason}" if last else "")
        elif not container.ready:
            yield f"{container.name}: not ready"


def _explain(error: BaseException) -> str:
    """Find the server's own words behind whatever was raised on top of them."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ApiException | HTTPError):
        cause = cause.__cause__
    if isinstance(cause, HTTPError):
        return f"no answer ({type(cause).__name__}); is the cluster up?"
    if not isinstance(cause, ApiException):
        return _line(error)
    cure = _CURES.get(cause.status, "")
    return f"{_message(cause)} ({cause.status})" + (f"; {cure}" if cure else "")


def _message(error: ApiException) -> str:
    try:
        return _line(json.loads(error.body)["message"])
    except (TypeError, ValueError, KeyError):
        return str(error.reason)


def _line(message: object) -> str:
    return " ".join(str(message).split())[:300].rstrip(".")
