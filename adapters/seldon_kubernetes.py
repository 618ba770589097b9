"""The endpoint on Kubernetes: one SeldonDeployment, made by ZenML's Seldon deployer and updated in place.

ZenML has no update: `replace=True` returns the old service unchanged, continuous mode deletes first, and its stored
record of the service keeps the first configuration. The annotation that ZenML writes on the SeldonDeployment is the
truth: an update takes the configuration from there, changes it and merges it into the same resource, which keeps its
name, its URL and, while the new pods become ready, the old ones.
"""

import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import UUID

from zenml.client import Client
from zenml.integrations.seldon.model_deployers import SeldonModelDeployer
from zenml.integrations.seldon.services.seldon_deployment import SeldonDeploymentConfig, SeldonDeploymentService

from adapters.seldon_cluster import Resource, SeldonCluster
from adapters.seldon_pod import fingerprint, pod_spec
from configs.deploy import EndpointSettings
from health_predict.errors import InfrastructureError, InputError
from health_predict.release import Release
from health_predict.rollout import Deployed, Endpoint, State

_CONFIG, _IDENTIFIER = "zenml.service_config", "zenml.service_uuid"
# ZenML asks for the secret of an artifact store, and deletes it with the endpoint; the bundle is in the image
_NO_SECRET = "health-predict-needs-no-secret"  # noqa: S105
# while pods are exchanged Istio tries a request again elsewhere; each try may take seconds, as a list explained does
_ROUTING = {"seldon.io/istio-retries": "3", "seldon.io/istio-retries-timeout": "15"}
_STATES: dict[str, State] = {"Available": "running", "Creating": "starting", "Failed": "failed"}
_PAUSE = 1.0  # seconds between two looks


@dataclass(frozen=True)
class SeldonKubernetes:
    """The endpoint `settings.name` behind ZenML's Seldon deployer."""

    deployer: SeldonModelDeployer
    settings: EndpointSettings

    def find(self) -> Endpoint | None:
        """Return the endpoint, running or not; None if there is no SeldonDeployment of it."""
        found = self._find()
        return self._endpoint(found) if found else None

    def deploy(self, folder: Path, release: Release, image: str | None, timeout: float) -> Deployed:  # noqa: ARG002
        """Serve the release that is baked into `image`; returns once all its pods, and no others, are available.

        InfrastructureError if that takes longer than `timeout` seconds or fails; what served before is then put back.
        """
        if image is None:
            raise InputError("an endpoint on Kubernetes needs an image; add a container registry to the stack")
        existing = self._find()
        former = self._config(existing) if existing else None
        config = self._release_config(former, release, image)
        name = self._apply(existing, config)
        served = former if existing and _serves(existing) else None
        try:
            endpoint = self._wait(name, config, stale=existing and existing.get("status"), timeout=timeout)
        except InfrastructureError as error:
            raise InfrastructureError(f"{error}; {self._put_back(name, served)}") from error
        except KeyboardInterrupt:
            self._put_back(name, served)
            raise
        point = served.model_dump_json() if served else None
        return Deployed(endpoint, previous=served.model_version if served else None, restore_point=point)

    def restore(self, deployed: Deployed, timeout: float) -> Endpoint | None:
        """Serve what served before, in place, or nothing if nothing did."""
        if deployed.restore_point is None:
            return self.stop()
        config = SeldonDeploymentConfig.model_validate_json(deployed.restore_point)
        existing = self._find()
        name = self._apply(existing, config)
        return self._wait(name, config, stale=existing and existing.get("status"), timeout=timeout)

    def stop(self) -> Endpoint | None:
        """Delete the SeldonDeployment (ZenML's Seldon deployer knows no stop); None if there is none."""
        found = self._find()
        if found is None:
            return None
        endpoint = self._endpoint(found)
        self._cluster.delete(endpoint.name)
        self._forget_records()
        return Endpoint(endpoint.name, endpoint.url, "stopped", "deleted; deploy makes a new one", None)

    @cached_property
    def _cluster(self) -> SeldonCluster:
        return SeldonCluster.of_deployer(self.deployer)

    def _find(self) -> Resource | None:
        return self._cluster.find(**{"zenml.model_name": self.settings.name})

    def _release_config(
        self, former: SeldonDeploymentConfig | None, release: Release, image: str
    ) -> SeldonDeploymentConfig:
        """Return the configuration for a release: the former one with what changes, or a new one."""
        changes: dict[str, Any] = {
            "spec": pod_spec(image, self.settings),
            "replicas": self.settings.replicas,
            "model_version": release.model_version,
            # ZenML makes labels of these
            "extra_args": {"model_version": release.model_version, "run_id": release.run_id},
        }
        if former is not None:
            return former.model_copy(update=changes)
        return SeldonDeploymentConfig(
            name=self.settings.name,
            service_name=self._record_name,
            description=f"{release.model_name} behind Seldon's protocol",
            model_name=self.settings.name,  # the predictor's name, too: Kubernetes takes no capitals there
            implementation="custom",
            is_custom_deployment=True,
            parameters=None,
            resources=None,
            secret_name=_NO_SECRET,
            **changes,
        )

    def _apply(self, existing: Resource | None, config: SeldonDeploymentConfig) -> str:
        """Make or update the SeldonDeployment, without waiting for it, and return its name."""
        if existing is not None:
            return self._update(existing, config)
        self._create(config)
        made = self._find()
        if made is None:
            raise InfrastructureError(f"{self._cluster}: the SeldonDeployment was deleted as soon as it was made")
        return self._update(made, config)  # for what ZenML has no place: how requests are routed

    def _create(self, config: SeldonDeploymentConfig) -> None:
        """Make the SeldonDeployment through ZenML."""
        self._forget_records()  # ZenML would return the record of a deleted one, and make none
        try:
            with self._cluster.answering("cannot create the SeldonDeployment"):
                self.deployer.deploy_model(config, SeldonDeploymentService.SERVICE_TYPE, timeout=0)
        except InfrastructureError:
            if self._find() is None:  # it may be there all the same: ZenML fails over a status that it cannot parse
                raise

    def _update(self, existing: Resource, config: SeldonDeploymentConfig) -> str:
        """Merge a configuration into the SeldonDeployment as ZenML would write it."""
        predictor = {**existing["spec"]["predictors"][0], "replicas": config.replicas}
        predictor["componentSpecs"] = [{"spec": config.spec}]
        change = {
            "metadata": {
                "labels": config.get_seldon_deployment_labels(),
                "annotations": {**config.get_seldon_deployment_annotations(), **_ROUTING},
            },
            "spec": {"replicas": config.replicas, "predictors": [predictor]},
        }
        self._cluster.patch(existing, change)
        name: str = existing["metadata"]["name"]
        return name

    def _put_back(self, name: str, served: SeldonDeploymentConfig | None) -> str:
        """Undo a failed update without waiting: the old pods never went. Returns what was done, in words."""
        if served is None:
            return "nothing served before; deploying again updates it, `run.py --stop-endpoint` deletes it"
        try:
            current = self._cluster.get(name)
            if current is not None:
                self._update(current, served)
        except InfrastructureError as error:
            return f"version {served.model_version} could not be put back: {error}"
        return f"version {served.model_version} is put back and serves on"

    def _wait(self, name: str, config: SeldonDeploymentConfig, *, stale: Resource | None, timeout: float) -> Endpoint:
        """Wait until this configuration, and no other, is served.

        `stale` is the status from before: Seldon keeps no generation, so only a changed failure is a new one.
        """
        deadline = time.monotonic() + timeout
        while True:
            found = self._cluster.get(name)
            if found is None:
                raise InfrastructureError(f"{self._cluster}: SeldonDeployment {name} was deleted while it started")
            endpoint, status = self._endpoint(found), found.get("status")
            if endpoint.state == "failed" and status != stale:
                raise InfrastructureError(f"{self._cluster}: SeldonDeployment {name} failed: {endpoint.reason}")
            missing = self._cluster.unfinished(name, str(fingerprint(config.spec or {})), config.replicas)
            if endpoint.state == "running" and not missing:
                self._record(found, endpoint)
                return endpoint
            if time.monotonic() >= deadline:
                raise InfrastructureError(self._timeout(name, timeout, missing or endpoint.reason))
            time.sleep(_PAUSE)

    def _timeout(self, name: str, timeout: float, missing: str) -> str:
        troubles = self._cluster.troubles(name)
        look = f"kubectl --context {self._cluster.context} -n {self._cluster.namespace}"
        return (
            f"{self._cluster}: SeldonDeployment {name} is not ready after {timeout:.0f} s: {missing}"
            f"{f' ({troubles})' if troubles else ''}; see `{look} describe pods -l seldon-deployment-id={name}`, "
            "or give it longer with endpoint.timeout"
        )

    def _config(self, found: Resource) -> SeldonDeploymentConfig:
        """Return the configuration that the annotation holds."""
        name = found["metadata"]["name"]
        try:
            text = found["metadata"]["annotations"][_CONFIG]
            return SeldonDeploymentConfig.model_validate_json(text)
        except (KeyError, TypeError, ValueError) as error:
            cure = "`run.py --stop-endpoint` deletes it, then deploy again"
            raise InfrastructureError(
                f"{self._cluster}: SeldonDeployment {name} has no readable annotation {_CONFIG}; {cure}"
            ) from error

    def _endpoint(self, found: Resource) -> Endpoint:
        name, status = found["metadata"]["name"], found.get("status") or {}
        state = _STATES.get(status.get("state", ""), "starting")
        base = self.deployer.config.base_url.rstrip("/")
        url = f"{base}/seldon/{self._cluster.namespace}/{name}/api/v1.0/predictions"
        reason = status.get("description") or f"{_available(found)} of {found['spec'].get('replicas')} pods available"
        try:
            version: str | None = self._config(found).model_version or None
        except InfrastructureError:
            version = None
        return Endpoint(name, url, state, " ".join(reason.split())[:300], version)

    @property
    def _record_name(self) -> str:
        return f"{self.settings.name} on {self._cluster.context}/{self._cluster.namespace}"

    def _record(self, found: Resource, endpoint: Endpoint) -> None:
        """Tell ZenML's store, for its dashboard, where the endpoint is; another store does not know it."""
        identifier = UUID(found["metadata"]["labels"][_IDENTIFIER])
        if Client().list_services(id=identifier).items:
            Client().update_service(identifier, prediction_url=endpoint.url)

    def _forget_records(self) -> None:
        for record in Client().list_services(service_name=self._record_name).items:
            Client().delete_service(record.id)


def _available(found: Resource) -> int:
    """Count the pods that serve, of whichever version."""
    deployments = ((found.get("status") or {}).get("deploymentStatus") or {}).values()
    return sum(entry.get("availableReplicas", 0) for entry in deployments)


def _serves(found: Resource) -> bool:
    return (found.get("status") or {}).get("state") == "Available" or _available(found) > 0
