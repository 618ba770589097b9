"""What of the SeldonDeployment resource (v1, Seldon Core 1.17.1, Apache-2.0) this project sends, checked strictly.

A field that is not in SCHEMA is refused, where a real API server would silently drop it. Leaves are types; a list of
one element describes each item; KEYS are the fields that must tell items of such a list apart.
"""

from typing import Any

TEXTS, QUANTITIES = {"*": str}, {"*": str}
PROBE = {
    "httpGet": {"path": str, "port": int, "scheme": str},
    "periodSeconds": int,
    "timeoutSeconds": int,
    "failureThreshold": int,
}
CONTAINER = {
    "name": str,
    "image": str,
    "imagePullPolicy": str,
    "env": [{"name": str, "value": str}],
    "ports": [{"name": str, "containerPort": int, "protocol": str}],
    "resources": {"requests": QUANTITIES, "limits": QUANTITIES},
    "startupProbe": PROBE,
    "livenessProbe": PROBE,
    "readinessProbe": PROBE,
    "lifecycle": {"preStop": {"exec": {"command": [str]}}},
    "securityContext": {
        "allowPrivilegeEscalation": bool,
        "readOnlyRootFilesystem": bool,
        "capabilities": {"drop": [str]},
    },
    "volumeMounts": [{"name": str, "mountPath": str}],
}
POD = {
    "containers": [CONTAINER],
    "volumes": [{"name": str, "emptyDir": {"sizeLimit": str}}],
    "securityContext": {
        "runAsNonRoot": bool,
        "runAsUser": int,
        "runAsGroup": int,
        "seccompProfile": {"type": str},
    },
    "automountServiceAccountToken": bool,
    "enableServiceLinks": bool,
    "terminationGracePeriodSeconds": int,
    "imagePullSecrets": [{"name": str}],
    "topologySpreadConstraints": [
        {"maxSkew": int, "topologyKey": str, "whenUnsatisfiable": str, "labelSelector": {"matchLabels": TEXTS}}
    ],
}
PREDICTOR = {
    "name": str,
    "replicas": int,
    "graph": {"name": str, "type": str},
    "componentSpecs": [{"spec": POD}],
}
SCHEMA = {
    "apiVersion": str,
    "kind": str,
    "metadata": {"name": str, "namespace": str, "labels": TEXTS, "annotations": TEXTS, "resourceVersion": str},
    "spec": {"name": str, "replicas": int, "predictors": [PREDICTOR]},
}
REQUIRED = {
    "": ("metadata", "spec"),
    "spec": ("predictors",),
    "spec.predictors": ("name", "graph"),
    "spec.predictors.graph": ("name",),
    "spec.predictors.componentSpecs.spec": ("containers",),
    "spec.predictors.componentSpecs.spec.containers": ("name",),
}
KEYS = {
    "spec.predictors.componentSpecs.spec.containers.ports": ("containerPort", "protocol"),
    "spec.predictors.componentSpecs.spec.topologySpreadConstraints": ("topologyKey", "whenUnsatisfiable"),
}


def problems(value: Any, schema: Any = SCHEMA, path: str = "") -> list[str]:
    """Every fault of a SeldonDeployment, with its place."""
    if isinstance(schema, dict):
        return _of_object(value, schema, path) if isinstance(value, dict) else [f"{path}: not an object"]
    if isinstance(schema, list):
        return _of_list(value, schema[0], path) if isinstance(value, list) else [f"{path}: not a list"]
    return [] if type(value) is schema else [f"{path}: not {schema.__name__}"]


def webhook_problems(resource: dict[str, Any]) -> list[str]:
    """What Seldon's own webhook refuses: a graph unit without a container of its name."""
    return [
        f"spec.predictors[{index}].graph: Can't find container for Predictive Unit"
        for index, predictor in enumerate(resource["spec"]["predictors"])
        if predictor["graph"]["name"]
        not in [
            container["name"]
            for component in predictor.get("componentSpecs", [])
            for container in component["spec"]["containers"]
        ]
    ]


def _of_object(value: dict[str, Any], schema: dict[str, Any], path: str) -> list[str]:
    found = [f"{path}.{name}: is missing" for name in REQUIRED.get(path, ()) if name not in value]
    for name, item in value.items():
        inner = schema.get(name, schema.get("*"))
        place = f"{path}.{name}".lstrip(".")
        found += [f"{place}: unknown field"] if inner is None else problems(item, inner, place)
    return found


def _of_list(value: list[Any], schema: Any, path: str) -> list[str]:
    found = [problem for item in value for problem in problems(item, schema, path)]
    keys = [tuple(item.get(key) for key in KEYS[path]) for item in value] if path in KEYS else []
    return found + [f"{path}: duplicate {key}" for key in sorted(set(keys)) if keys.count(key) > 1]
