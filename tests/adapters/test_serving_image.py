"""Names, what is reused, and what a user is told. A real build is in tests/serving/test_image.py."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from adapters.serving_context import content_of, stage_context
from health_predict.errors import InfrastructureError, InputError
from health_predict.release import Release, write_release
from health_predict.scorer import BUNDLE_FILES, BundleError
from tests.adapters.image_stack import image_builder, image_registry, zenml_in
from tests.adapters.registry_stub import RegistryStub, serving

BASE = "python:3.11-slim-bookworm"
TAG = "7-01234567"


class Recorder:
    """An image builder that notes what it is asked, and publishes or fails as told."""

    def __init__(self, stub: RegistryStub, failure: Exception | None = None) -> None:
        self.stub, self.failure, self.asked = stub, failure, []

    @property
    def build_context_class(self) -> Any:
        from zenml.image_builders import BuildContext

        return BuildContext

    def build(self, image_name: str, build_context, docker_build_options, container_registry) -> str:
        files = set(build_context.get_files())
        arguments = docker_build_options.build_args
        self.asked.append((image_name, files, arguments))
        if self.failure:
            raise self.failure
        repository, _, tag = image_name.removeprefix(f"{self.stub.address}/").rpartition(":")
        self.stub.hold(repository, tag, {"health-predict.content": arguments["CONTENT"]})
        return f"{self.stub.address}/{repository}@sha256:pushed"


@pytest.fixture(autouse=True, scope="module")
def own_zenml(tmp_path_factory):
    with zenml_in(tmp_path_factory.mktemp("zenml")):
        yield


@pytest.fixture
def registry():
    with serving(RegistryStub()) as stub:
        yield stub


@pytest.fixture
def release(tmp_path) -> Path:
    folder = tmp_path / "release"
    folder.mkdir()
    for name in BUNDLE_FILES:
        (folder / name).write_text(name)
    write_release(folder, Release("HealthPredict", "7", "0123456789abcdef"))
    return folder


@pytest.fixture
def wheels(monkeypatch, tmp_path) -> Path:
    """Packages are fetched in tests/serving/test_image.py."""
    import adapters.serving_image

    def add(context: Path, cache: Path) -> Path:
        (context / "wheelhouse").mkdir()
        (context / "wheelhouse" / "server-1.whl").write_text("")
        return context / "wheelhouse"

    monkeypatch.setattr(adapters.serving_image, "add_wheels", add)
    return tmp_path / "wheels"


def publish(release: Path, builder, stub: RegistryStub, wheels: Path, default_repository: str | None = None) -> Any:
    from adapters.serving_image import publish_image

    registry = image_registry(stub.address, default_repository)
    return publish_image(
        release, repository="server", base_image=BASE, builder=builder, registry=registry, wheels=wheels
    )


def test_it_is_built_under_version_and_run(release, registry, wheels) -> None:
    builder = Recorder(registry)
    image = publish(release, builder, registry, wheels)
    assert image.reference == f"{registry.address}/server:{TAG}@sha256:pushed"
    assert image.built
    ((_, files, arguments),) = builder.asked
    assert {"Dockerfile", "wheelhouse/server-1.whl", "release/model.onnx", "code/serving/__main__.py"} <= files
    assert arguments["BASE_IMAGE"] == BASE
    assert (arguments["MODEL_NAME"], arguments["MODEL_VERSION"]) == ("HealthPredict", "7")
    assert arguments["RUN_ID"] == "0123456789abcdef"


def test_the_stacks_default_repository_stands_before(release, registry, wheels) -> None:
    image = publish(release, Recorder(registry), registry, wheels, default_repository="team")
    assert image.reference.startswith(f"{registry.address}/team/server:{TAG}@")


def test_the_same_content_is_not_built_again(release, registry, wheels, tmp_path) -> None:
    content = content_of(stage_context(release, tmp_path / "context"), BASE)
    registry.hold("server", TAG, {"health-predict.content": content})
    builder = Recorder(registry)
    image = publish(release, builder, registry, wheels)
    assert (image.built, builder.asked) == (False, [])
    assert image.reference == f"{registry.address}/server:{TAG}@sha256:of-the-manifest"


@pytest.mark.parametrize("labels", [{"health-predict.content": "0" * 64}, {}])
def test_other_content_gets_a_tag_of_its_own(release, registry, wheels, labels) -> None:
    registry.hold("server", TAG, labels)
    builder = Recorder(registry)
    first = publish(release, builder, registry, wheels)
    again = publish(release, builder, registry, wheels)
    content = builder.asked[0][2]["CONTENT"]
    assert first.reference.startswith(f"{registry.address}/server:{TAG}-{content[:8]}@")
    assert (again.built, len(builder.asked)) == (False, 1)


def test_no_tag_is_overwritten_ever(release, registry, wheels, tmp_path) -> None:
    content = content_of(stage_context(release, tmp_path / "context"), BASE)
    registry.hold("server", TAG, {})
    registry.hold("server", f"{TAG}-{content[:8]}", {})
    builder = Recorder(registry)
    with pytest.raises(InfrastructureError, match=f"{TAG}-{content[:8]} holds something else"):
        publish(release, builder, registry, wheels)
    assert builder.asked == []


def test_no_engine_is_infrastructure(release, registry, wheels, monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/absent.sock")
    with pytest.raises(InfrastructureError, match="no Docker engine answers; start it") as error:
        publish(release, image_builder(), registry, wheels)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("Docker error: write /var/lib/docker/tmp/x: no space left on device.", "docker system prune"),
        ("Docker error: denied: requested access to the resource is denied.", "server:7-01234567 was refused"),
        ("Docker error: unauthorized: authentication required.", "server:7-01234567 was refused"),
        ("Docker error: name unknown: The repository with name 'server' does not exist", "make the repository"),
        ("Docker error: tag invalid: The image tag '7' already exists and is immutable", "another deployment"),
        (f"Docker error: manifest for {BASE} not found: manifest unknown", f"base image {BASE} cannot be pulled"),
        ("Docker error: dial tcp: lookup images.example on 10.0.0.1:53: no such host", "cannot be pulled"),
        ("Docker error: Get http://127.0.0.1:1/v2/: dial tcp 127.0.0.1:1: connect: connection refused.", "be reached"),
        ("Docker error: received unexpected HTTP status: 500 Internal Server Error.", "see the registry's log"),
        ("Docker error: error parsing HTTP 405 response body: invalid character 'M'.", "see the registry's log"),
        ("Docker error: The command '/bin/sh -c x' returned a non-zero code: 2.\nline", "could not be built"),
    ],
)  # fmt: skip
def test_a_failed_build_names_its_cure(release, registry, wheels, said: str, told: str) -> None:
    with pytest.raises(InfrastructureError, match=told) as error:
        publish(release, Recorder(registry, RuntimeError(said)), registry, wheels)
    assert "\n" not in str(error.value)


def test_an_incomplete_release_is_not_built(release, registry, wheels) -> None:
    (release / "model.onnx").unlink()
    builder = Recorder(registry)
    with pytest.raises(BundleError, match=r"model.onnx is missing"):
        publish(release, builder, registry, wheels)
    assert builder.asked == []


@pytest.fixture
def active_stack(monkeypatch, registry, wheels):
    """The stack that ZenML calls active, with an image builder and a container registry."""
    import adapters.serving_image

    stack = SimpleNamespace(
        name="ward", image_builder=Recorder(registry), container_registry=image_registry(registry.address)
    )
    monkeypatch.setattr(adapters.serving_image, "Client", lambda: SimpleNamespace(active_stack=stack))
    return stack


def test_the_active_stack_builds_and_holds_the_image(release, registry, active_stack) -> None:
    from adapters.serving_image import build_and_push

    assert build_and_push(release, "server", BASE) == f"{registry.address}/server:{TAG}@sha256:pushed"


def test_a_stack_without_a_registry_gets_no_image(release, active_stack) -> None:
    from adapters.serving_image import build_and_push

    active_stack.container_registry = None
    assert build_and_push(release, "server", BASE) is None
    assert active_stack.image_builder.asked == []


def test_a_registry_without_an_image_builder_is_bad_input(release, active_stack) -> None:
    from adapters.serving_image import build_and_push

    active_stack.image_builder = None
    with pytest.raises(InputError, match=r"stack ward has a container registry and no image builder; add one"):
        build_and_push(release, "server", BASE)
