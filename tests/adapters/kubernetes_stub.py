"""A Kubernetes API on loopback with SeldonDeployments, Deployments and pods of one namespace, and a kubeconfig for it.

It stores what it is sent, after strict checks, and does nothing of its own: who plays Seldon's operator is the test,
through `operator`, called after every create and update, or `set_status` and `roll_out`.
"""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import yaml

from tests.adapters.seldon_crd import problems, webhook_problems

Resource = dict[str, Any]
CONTEXT, NAMESPACE = "stub-context", "readmission"
_COLLECTIONS = {
    f"/apis/machinelearning.seldon.io/v1/namespaces/{NAMESPACE}/seldondeployments": "seldondeployments",
    f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments": "deployments",
    f"/api/v1/namespaces/{NAMESPACE}/pods": "pods",
}
_MERGE = "application/merge-patch+json"


class RefusedError(Exception):
    """An answer other than success."""

    def __init__(self, code: int, message: str):
        super().__init__(message)
        self.code, self.message = code, message


@dataclass
class KubernetesStub:
    """What the API holds and was asked.

    `forbidden` has (verb, collection) pairs, `missing` has collections whose definition is not installed.
    """

    url: str = ""
    kubeconfig: Path = Path()
    operator: Callable[["KubernetesStub", Resource], None] | None = None
    forbidden: set[tuple[str, str]] = field(default_factory=set)
    missing: set[str] = field(default_factory=set)
    requests: list[tuple[str, str]] = field(default_factory=list)
    stored: dict[str, dict[str, Resource]] = field(
        default_factory=lambda: {collection: {} for collection in _COLLECTIONS.values()}
    )
    _version: int = 0
    _lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def seldon_deployments(self) -> list[Resource]:
        return list(self.stored["seldondeployments"].values())

    def only(self) -> Resource:
        """The one SeldonDeployment there is."""
        (found,) = self.seldon_deployments
        return found

    def set_status(self, name: str, **status: Any) -> None:
        """Write the status of a SeldonDeployment, as Seldon's operator does."""
        with self._lock:
            found = self.stored["seldondeployments"][name]
            found["status"] = {"conditions": [], **status}
            self._touch(found)

    def roll_out(self, name: str, **status: int) -> None:
        """Write the Deployment that the operator makes of a SeldonDeployment; by default its roll-out is complete."""
        with self._lock:
            resource = self.stored["seldondeployments"][name]
            predictor = resource["spec"]["predictors"][0]
            pod, replicas = predictor["componentSpecs"][0]["spec"], predictor["replicas"]
            complete = {"replicas": replicas, "updatedReplicas": replicas, "availableReplicas": replicas}
            labels = {"seldon-deployment-id": name}
            generation = resource["metadata"]["generation"]
            self.stored["deployments"][name] = {
                "metadata": {"name": name, "labels": labels, "generation": generation},
                "spec": {
                    "replicas": replicas,
                    "selector": {"matchLabels": labels},
                    "template": {"metadata": {"labels": labels}, "spec": pod},
                },
                "status": {"observedGeneration": generation, **complete, **status},
            }

    def add_pod(self, name: str, pod: str, **status: Any) -> None:
        """Add a pod of a SeldonDeployment."""
        containers = [{"name": "classifier"}]
        metadata = {"name": pod, "labels": {"seldon-deployment-id": name}}
        self.stored["pods"][pod] = {"metadata": metadata, "spec": {"containers": containers}, "status": status}

    def answer(self, verb: str, target: str, content_type: str, body: Any) -> Resource:
        """Do what a request asks; raises RefusedError."""
        split = urlsplit(target)
        with self._lock:
            self.requests.append((verb, target))
            collection, name = self._place(split.path)
            if (verb, collection) in self.forbidden:
                user = 'User "deployer" cannot'
                raise RefusedError(403, f"{collection} is forbidden: {user} {verb.lower()} resource in {NAMESPACE}")
            if verb == "GET" and not name:
                return self._list(collection, parse_qs(split.query).get("labelSelector", [""])[0])
            if collection != "seldondeployments":
                raise RefusedError(405, f"the stub only lists {collection}")
            return self._change(verb, name, content_type, body)

    def _place(self, path: str) -> tuple[str, str]:
        for prefix, collection in _COLLECTIONS.items():
            rest = path.removeprefix(prefix)
            if collection not in self.missing and path.startswith(prefix) and rest[:1] in ("", "/"):
                return collection, rest[1:]
        raise RefusedError(404, "the server could not find the requested resource")

    def _list(self, collection: str, selector: str) -> Resource:
        wanted = dict(pair.split("=", 1) for pair in selector.split(",") if pair)
        items = [
            item
            for item in self.stored[collection].values()
            if wanted.items() <= item["metadata"].get("labels", {}).items()
        ]
        return {"kind": "List", "metadata": {"resourceVersion": str(self._version)}, "items": items}

    def _change(self, verb: str, name: str, content_type: str, body: Any) -> Resource:
        if verb == "POST":
            return self._create(body)
        if name not in self.stored["seldondeployments"]:
            raise RefusedError(404, f'seldondeployments.machinelearning.seldon.io "{name}" not found')
        if verb == "PATCH":
            if content_type != _MERGE:
                raise RefusedError(415, f"{content_type} is not {_MERGE}")
            return self._patch(name, body)
        if verb == "DELETE":
            for collection in ("deployments", "pods"):
                self.stored[collection] = {
                    key: item
                    for key, item in self.stored[collection].items()
                    if item["metadata"]["labels"]["seldon-deployment-id"] != name
                }
            return self.stored["seldondeployments"].pop(name)
        return self.stored["seldondeployments"][name]

    def _create(self, body: Resource) -> Resource:
        _check(body)
        name = body["metadata"]["name"]
        if name in self.stored["seldondeployments"]:
            raise RefusedError(409, f'seldondeployments.machinelearning.seldon.io "{name}" already exists')
        created = {"creationTimestamp": f"2026-01-01T00:00:{self._version:02}Z", "generation": 1}
        resource = {**body, "metadata": {**body["metadata"], "namespace": NAMESPACE, **created}}
        self.stored["seldondeployments"][name] = resource
        self._changed(resource)
        return resource

    def _patch(self, name: str, change: Resource) -> Resource:
        old = self.stored["seldondeployments"][name]
        expected = change.get("metadata", {}).get("resourceVersion")
        if expected not in (None, old["metadata"]["resourceVersion"]):
            raise RefusedError(409, f'cannot patch "{name}": the object has been modified')
        if "status" in change or change.get("metadata", {}).get("name", name) != name:
            raise RefusedError(422, "status and name cannot be patched")
        new = _merged(old, change)
        own = {key: value for key, value in new["metadata"].items() if key not in ("creationTimestamp", "generation")}
        _check({**{key: value for key, value in new.items() if key != "status"}, "metadata": own})
        new["metadata"]["generation"] += new["spec"] != old["spec"]
        self.stored["seldondeployments"][name] = new
        self._changed(new)
        return new

    def _changed(self, resource: Resource) -> None:
        self._touch(resource)
        if self.operator is not None:
            self.operator(self, resource)

    def _touch(self, resource: Resource) -> None:
        self._version += 1
        resource["metadata"]["resourceVersion"] = str(self._version)


def _check(resource: Resource) -> None:
    faults = problems(resource) or webhook_problems(resource)
    if faults:
        raise RefusedError(422, f"SeldonDeployment is invalid: {faults[0]}")


def _merged(old: Any, change: Any) -> Any:
    """Apply an RFC 7386 merge patch; lists are replaced whole."""
    if not (isinstance(old, dict) and isinstance(change, dict)):
        return change
    kept = {key: value for key, value in old.items() if change.get(key, value) is not None}
    return kept | {key: _merged(old.get(key), item) for key, item in change.items() if item is not None}


@contextmanager
def running_stub(folder: Path) -> Iterator[KubernetesStub]:
    """Serve a stub until the end of the block; its kubeconfig is written into `folder`."""
    stub = KubernetesStub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(stub))
    stub.url = f"http://127.0.0.1:{server.server_port}"
    stub.kubeconfig = write_kubeconfig(folder, stub.url)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield stub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def write_kubeconfig(folder: Path, url: str) -> Path:
    """Write a kubeconfig with one context that leads to `url`."""
    path = folder / "kubeconfig"
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "stub", "cluster": {"server": url}}],
        "users": [{"name": "deployer", "user": {"token": "not-a-secret"}}],
        "contexts": [{"name": CONTEXT, "context": {"cluster": "stub", "user": "deployer"}}],
        "current-context": CONTEXT,
    }
    path.write_text(yaml.safe_dump(content))
    return path


def _handler(stub: KubernetesStub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length) or "null")
            try:
                code = 201 if self.command == "POST" else 200
                content = stub.answer(self.command, self.path, self.headers.get("Content-Type", ""), body)
            except RefusedError as refused:
                code, content = refused.code, {"kind": "Status", "code": refused.code, "message": refused.message}
            data = json.dumps(content).encode()
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PATCH = do_DELETE = answer  # noqa: N815 - the library's names

    return Handler
