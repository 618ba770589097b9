"""The pod that serves a release on Kubernetes: the server's image under the tightest settings it runs with.

Fields are those of the SeldonDeployment resource of Seldon Core 1.17, which drops what it does not know and
refuses two container ports of one number.
"""

import hashlib
import json
from typing import Any

from configs.deploy import EndpointSettings

PORT = 9000  # what Seldon's operator sets PREDICTIVE_UNIT_HTTP_SERVICE_PORT to
FINGERPRINT = "HEALTH_PREDICT_POD"  # of the pod spec: tells a Deployment of this spec from one of an earlier spec
_CONTAINER = "classifier"  # ZenML gives the graph's only unit this name; Seldon looks for a container of the same
_USER = 10001
_ENDING = 5  # seconds in which Istio learns that the pod ends, before the server does


def pod_spec(image: str, settings: EndpointSettings) -> dict[str, Any]:
    """Return the pod spec for an image with the bundle baked in; any change of it changes its fingerprint."""
    spec: dict[str, Any] = {
        "containers": [_container(image, settings)],
        "volumes": [{"name": "tmp", "emptyDir": {"sizeLimit": "64Mi"}}],
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": _USER,
            "runAsGroup": _USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 30,
        "topologySpreadConstraints": [_spread(settings.name)],
    }
    if settings.image_pull_secret is not None:
        spec["imagePullSecrets"] = [{"name": settings.image_pull_secret}]
    digest = hashlib.sha256(json.dumps(spec, sort_keys=True).encode()).hexdigest()
    spec["containers"][0]["env"] = [{"name": FINGERPRINT, "value": digest[:16]}]
    return spec


def fingerprint(spec: dict[str, Any]) -> str | None:
    """Return the fingerprint that `pod_spec` put into a pod spec; None if it has none."""
    containers = [container for container in spec["containers"] if container["name"] == _CONTAINER]
    variables = containers[0].get("env") or [] if containers else []
    return next((entry.get("value") for entry in variables if entry["name"] == FINGERPRINT), None)


def _container(image: str, settings: EndpointSettings) -> dict[str, Any]:
    return {
        "name": _CONTAINER,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "ports": [{"name": "http", "containerPort": PORT, "protocol": "TCP"}],
        "resources": {
            "requests": {"cpu": settings.cpu_request, "memory": settings.memory_request},
            "limits": {"cpu": settings.cpu_limit, "memory": settings.memory_limit},
        },
        # alive and ready differ: a pod whose bundle is refused stays up, and says at /health why
        "startupProbe": _probe("/health/ping", period=2, failures=60),
        "livenessProbe": _probe("/health/ping", period=10, failures=3),
        "readinessProbe": _probe("/health", period=5, failures=2),
        "lifecycle": {"preStop": {"exec": {"command": ["sleep", str(_ENDING)]}}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],  # noqa: S108 - gunicorn's heartbeat file
    }


def _probe(path: str, *, period: int, failures: int) -> dict[str, Any]:
    """Build an HTTP probe; `period` in seconds."""
    return {
        "httpGet": {"path": path, "port": PORT, "scheme": "HTTP"},
        "periodSeconds": period,
        "timeoutSeconds": 3,
        "failureThreshold": failures,
    }


def _spread(predictor: str) -> dict[str, Any]:
    """Replicas on different nodes if there are such; Seldon labels a pod with its predictor as `version`."""
    return {
        "maxSkew": 1,
        "topologyKey": "kubernetes.io/hostname",
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": {"version": predictor}},
    }
