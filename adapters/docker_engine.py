"""Whether a Docker engine answers."""

import docker
from docker.errors import DockerException
from requests import RequestException

from health_predict.errors import InfrastructureError


def check_engine() -> str:
    """Return the engine's version; InfrastructureError if none answers."""
    try:
        client = docker.from_env(timeout=5)
        try:
            return str(client.version()["Version"])
        finally:
            client.close()
    except (DockerException, RequestException) as error:
        raise InfrastructureError(
            f"no Docker engine answers ({type(error).__name__}); start it until `docker info` succeeds"
        ) from None
