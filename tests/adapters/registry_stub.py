"""A container registry that holds given images and asks for credentials in one of three ways."""

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal
from urllib.parse import parse_qs, urlparse

USER, PASSWORD, TOKEN = "hospital", "correct horse", "a-token-of-this-test"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"


@dataclass
class RegistryStub:
    """`documents`: what GET /v2/... answers, by path. `failure`: a code that every request gets."""

    access: Literal["open", "basic", "bearer"] = "open"
    failure: int | None = None
    documents: dict[str, Any] = field(default_factory=dict)
    scopes: list[str] = field(default_factory=list)
    address: str = ""

    def hold(self, repository: str, tag: str, labels: dict[str, str], *, in_index: bool = False) -> None:
        """Publish an image; in an index it stands beside an attestation, as BuildKit pushes it."""
        path = f"/v2/{repository}"
        self.documents[f"{path}/blobs/sha256:config"] = {"config": {"Labels": labels}}
        manifest = {"mediaType": MANIFEST, "config": {"digest": "sha256:config"}}
        index = [("sha256:attestation", "unknown"), ("sha256:image", "linux")]
        entries = [{"digest": digest, "platform": {"os": system}} for digest, system in index]
        self.documents[f"{path}/manifests/sha256:image"] = manifest
        self.documents[f"{path}/manifests/{tag}"] = {"mediaType": INDEX, "manifests": entries} if in_index else manifest


@contextmanager
def serving(stub: RegistryStub) -> Iterator[RegistryStub]:
    """Serve the stub on a free port of 127.0.0.1."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(stub))
    stub.address = f"127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield stub
    finally:
        server.shutdown()
        server.server_close()


def _handler(stub: RegistryStub) -> type[BaseHTTPRequestHandler]:
    known = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    wanted = {"open": None, "basic": known, "bearer": f"Bearer {TOKEN}"}[stub.access]
    realm = {"basic": 'Basic realm="registry"', "bearer": 'Bearer realm="http://{}/token",service="registry"'}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            url, sent = urlparse(self.path), self.headers.get("Authorization")
            if stub.failure:
                self.answer(stub.failure, {})
            elif url.path == "/token" and sent == known:
                stub.scopes += parse_qs(url.query)["scope"]
                self.answer(200, {"token": TOKEN})
            elif url.path == "/token" or (wanted and sent != wanted):
                self.answer(401, {}, {"WWW-Authenticate": realm[stub.access].format(stub.address)})
            elif url.path in stub.documents:
                self.answer(200, stub.documents[url.path], {"Docker-Content-Digest": "sha256:of-the-manifest"})
            else:
                self.answer(404, {"errors": [{"code": "MANIFEST_UNKNOWN"}]})

        def answer(self, code: int, content: Any, headers: dict[str, str] | None = None) -> None:
            body = json.dumps(content).encode()
            self.send_response(code)
            for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    return Handler
