"""What a container registry holds under a name, asked over its HTTP API: this needs no Docker engine."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlparse

import docker.auth
import requests
from docker.errors import DockerException
from requests.utils import parse_dict_header

from health_predict.errors import InfrastructureError

Credentials = tuple[str, str]  # user and password
LOOPBACK = ("127.", "localhost")  # Docker engines, too, speak plain HTTP to these without being told
_INDEXES = tuple(
    f"application/vnd.{kind}+json" for kind in ("oci.image.index.v1", "docker.distribution.manifest.list.v2")
)
_MANIFESTS = tuple(
    f"application/vnd.{kind}+json" for kind in ("oci.image.manifest.v1", "docker.distribution.manifest.v2")
)
_SECONDS = (5, 30)  # to connect, to answer


@dataclass(frozen=True)
class PublishedImage:
    """An image in a registry: the digest of its manifest (sha256:...), and its labels."""

    digest: str
    labels: Mapping[str, str]


def find_image(name: str, credentials: Credentials | None = None) -> PublishedImage | None:
    """Return what is published as host/repository:tag; None if nothing is.

    Args:
        credentials: by default those that `docker login` left for this registry.

    Raises:
        InfrastructureError: the registry cannot be reached, or refuses the credentials.
    """
    repository, _, tag = name.rpartition(":")
    host, path = docker.auth.resolve_repository_name(repository)
    with requests.Session() as session:
        session.trust_env = not host.startswith(LOOPBACK)  # no proxy on the way to this machine
        registry = _Registry(host, path, session, credentials or _logged_in(host))
        found = registry.get(f"manifests/{tag}", (*_MANIFESTS, *_INDEXES))
        if found is None:
            return None
        return PublishedImage(found.digest, _labels(registry, found.content))


@dataclass(frozen=True)
class _Document:
    content: dict[str, Any]
    digest: str


@dataclass
class _Registry:
    """One repository of a registry."""

    host: str
    path: str
    session: requests.Session
    credentials: Credentials | None

    def get(self, what: str, accept: tuple[str, ...] = ()) -> _Document | None:
        """Return a document; None if there is no such thing."""
        try:
            answer = self._ask(what, accept)
            if answer.status_code == requests.codes.unauthorized and self._authorize(answer):
                answer = self._ask(what, accept)
        except requests.RequestException as error:
            cure = "start it, or correct the URI of the stack's container registry"
            raise InfrastructureError(
                f"container registry {self.host} cannot be reached ({type(error).__name__}); {cure}"
            ) from None
        return self._read(answer)

    def _ask(self, what: str, accept: tuple[str, ...]) -> requests.Response:
        server = urlparse(docker.auth.INDEX_URL).netloc if self.host == docker.auth.INDEX_NAME else self.host
        place, headers = f"{server}/v2/{self.path}/{what}", {"Accept": ", ".join(accept) or "*/*"}
        if not server.startswith(LOOPBACK):
            try:
                return self.session.get(f"https://{place}", headers=headers, timeout=_SECONDS)
            except requests.exceptions.SSLError:
                if self.credentials is not None:  # they are not sent in the clear
                    raise
        return self.session.get(f"http://{place}", headers=headers, timeout=_SECONDS)

    def _read(self, answer: requests.Response) -> _Document | None:
        if answer.status_code == requests.codes.not_found:
            return None
        if answer.status_code in (requests.codes.unauthorized, requests.codes.forbidden):
            cure = f"log in (docker login {self.host}), or give the stack's container registry a secret"
            problem = f"refuses access to {self.path} (HTTP {answer.status_code})"
            raise InfrastructureError(f"container registry {self.host} {problem}; {cure}")
        if not answer.ok:
            raise InfrastructureError(f"container registry {self.host} answers HTTP {answer.status_code}; try again")
        try:
            content = dict(answer.json())
        except (ValueError, TypeError):
            cure = "correct the URI of the stack's container registry"
            raise InfrastructureError(f"{self.host} does not answer as a container registry; {cure}") from None
        return _Document(content, answer.headers.get("Docker-Content-Digest", ""))

    def _authorize(self, refused: requests.Response) -> bool:
        """Do what the challenge asks for: send the credentials, or exchange them for a token."""
        kind, _, rest = refused.headers.get("WWW-Authenticate", "").partition(" ")
        if kind.lower() == "bearer":
            challenge = parse_dict_header(rest)
            query = {"service": challenge.get("service", ""), "scope": f"repository:{self.path}:pull,push"}
            answer = self.session.get(
                str(challenge.get("realm")), params=query, auth=self.credentials, timeout=_SECONDS
            )
            content: dict[str, Any] = answer.json() if answer.ok else {}
            token = content.get("token") or content.get("access_token")
            self.session.headers["Authorization"] = f"Bearer {token}"
            return token is not None
        self.session.auth = self.credentials
        return self.credentials is not None


def _labels(registry: _Registry, manifest: dict[str, Any]) -> Mapping[str, str]:
    """Read the labels of an image, or of the first runnable one of an index."""
    for entry in manifest.get("manifests", ()):
        if entry.get("platform", {}).get("os") != "unknown":  # that is an attestation
            image = registry.get(f"manifests/{entry['digest']}", _MANIFESTS)
            manifest = image.content if image is not None else {}
            break
    config = registry.get(f"blobs/{manifest['config']['digest']}") if "config" in manifest else None
    return (config.content.get("config", {}).get("Labels") or {}) if config is not None else {}


def _logged_in(host: str) -> Credentials | None:
    try:
        entry = docker.auth.load_config().resolve_authconfig(host) or {}
    except DockerException as error:
        raise InfrastructureError(f"Docker's config.json is unusable ({type(error).__name__}); correct it") from None
    known = {key.lower(): value for key, value in entry.items()}
    return (known["username"], known["password"]) if known.get("username") and known.get("password") else None
