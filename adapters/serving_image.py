"""The server's image with one release in it: built by the stack's image builder, pushed to the stack's registry.

The tag is the model version. A tag that is there with the same content is left as it is, and one with other content is
never overwritten: what a rollout once pointed at stays what it was.
"""

import logging
import re
import tempfile
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from zenml.client import Client
from zenml.config.docker_settings import DockerBuildOptions
from zenml.container_registries import BaseContainerRegistry
from zenml.image_builders import BaseImageBuilder

from adapters.container_registry import PublishedImage, find_image
from adapters.serving_context import ROOT, add_wheels, content_of, stage_context
from health_predict.errors import HealthPredictError, InfrastructureError, InputError
from health_predict.release import Release, read_release
from stacks.environment import state_folder

LOG = logging.getLogger(__name__)
CONTENT = "health-predict.content"  # the label that says what an image was built from

# what an image builder's error says, and what to tell the user
_CURES = (
    (r"no space left", "no space is left to build {name}; free some (docker system prune), then deploy again"),
    (
        r"no container engine|docker client|docker daemon|connection aborted",
        "no Docker engine answers; start it until `docker info` succeeds, then deploy again",
    ),
    (
        r"pull access denied|manifest for .* not found|manifest unknown|no such host",
        "base image {base} cannot be pulled; set image.base_image to one that can, or make one: "
        "infra/images/python-base.sh",
    ),
    (
        r"denied|unauthorized|forbidden|no basic auth|authenticat|repository .* does not exist|name unknown",
        "{name} was refused by its registry; log in, make the repository, or correct the stack's container registry",
    ),
    (
        r"unexpected http status|http \d+ response body",
        "{name}: its registry failed to take it; see the registry's log, free space there, then deploy again",
    ),
    (
        r"immutable",
        "{name} was pushed by another deployment just now; deploy again",
    ),
    (
        r"connection refused|dial tcp|timeout|tls",
        "{name}: its registry cannot be reached; start it or correct the stack's container registry",
    ),
)


@dataclass(frozen=True)
class ServingImage:
    """An image in the registry; `reference` is name:tag@digest, which always means the same bytes."""

    reference: str
    built: bool
    reason: str


def build_and_push(release_folder: Path, repository: str, base_image: str) -> str | None:
    """Return the reference of the release's image in the active stack's registry; None if the stack has none."""
    stack = Client().active_stack
    if stack.container_registry is None:
        return None
    if stack.image_builder is None:
        raise InputError(f"stack {stack.name} has a container registry and no image builder; add one of flavor local")
    image = publish_image(
        release_folder,
        repository=repository,
        base_image=base_image,
        builder=stack.image_builder,
        registry=stack.container_registry,
        wheels=state_folder() / "wheels",
    )
    LOG.info("image %s: %s", image.reference, image.reason)
    return image.reference


def publish_image(
    release_folder: Path,
    *,
    repository: str,
    base_image: str,
    builder: BaseImageBuilder,
    registry: BaseContainerRegistry,
    wheels: Path,
) -> ServingImage:
    """Build and push the image of a release, unless the registry holds the same content already.

    Args:
        repository: below the registry's URI, such as health-predict-server.
        base_image: any image with Python 3.11 on glibc.
        wheels: a folder that keeps downloaded packages.

    Raises:
        InfrastructureError: no engine, no base image, no space, or a registry that cannot be reached or refuses.
        BundleError: a file of the release is missing.
    """
    release = read_release(release_folder)
    with tempfile.TemporaryDirectory() as folder:
        context = stage_context(release_folder, Path(folder))
        content = content_of(context, base_image)
        name, published = _choose_name(
            _name(registry, repository, release), content, lambda name: find_image(name, registry.credentials)
        )
        if published is not None:
            return ServingImage(
                f"{name}@{published.digest}", built=False, reason="there already, with the same content"
            )
        add_wheels(context, wheels)
        arguments = _build_arguments(release, base_image, content)
        pushed = _build(name, context, arguments, builder, registry)
    digest = pushed.rpartition("@")[2] if "@" in pushed else ""
    return ServingImage(f"{name}@{digest}" if digest else name, built=True, reason="built and pushed")


def _name(registry: BaseContainerRegistry, repository: str, release: Release) -> str:
    parts = [registry.config.uri, registry.config.default_repository, repository]
    return f"{'/'.join(part for part in parts if part)}:{release.model_version}-{release.run_id[:8]}"


def _choose_name(
    name: str, content: str, look: Callable[[str], PublishedImage | None]
) -> tuple[str, PublishedImage | None]:
    """Take the plain tag; if other content has it (say, an older server), the one that names the content, too."""
    for candidate in (name, f"{name}-{content[:8]}"):
        published = look(candidate)
        if published is None or published.labels.get(CONTENT) == content:
            return candidate, published
    raise InfrastructureError(
        f"{candidate} holds something else than its name says; delete this tag, then deploy again"
    )


def _build_arguments(release: Release, base_image: str, content: str) -> dict[str, str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return {
        "BASE_IMAGE": base_image,
        "VERSION": project["version"],
        "MODEL_NAME": release.model_name,
        "MODEL_VERSION": release.model_version,
        "RUN_ID": release.run_id,
        "CONTENT": content,
    }


def _build(
    name: str,
    context: Path,
    arguments: dict[str, str],
    builder: BaseImageBuilder,
    registry: BaseContainerRegistry,
) -> str:
    try:
        return builder.build(
            image_name=name,
            build_context=builder.build_context_class(root=str(context)),
            docker_build_options=DockerBuildOptions(build_args=arguments, rm=True),
            container_registry=registry,
        )
    except Exception as error:  # each builder has its own kinds, without a common base
        raise _explain(error, name, arguments["BASE_IMAGE"]) from error


def _explain(error: Exception, name: str, base_image: str) -> HealthPredictError:
    text = " ".join(str(error).split())
    for pattern, cure in _CURES:
        if re.search(pattern, text, re.IGNORECASE):
            return InfrastructureError(cure.format(name=name, base=base_image))
    return InfrastructureError(
        f"{name} could not be built and pushed ({text[:200]}); see the builder's lines above, then deploy again"
    )
