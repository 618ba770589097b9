import base64
import json

import pytest

from adapters import container_registry
from adapters.container_registry import PublishedImage, find_image
from health_predict.errors import InfrastructureError
from tests.adapters.registry_stub import PASSWORD, USER, RegistryStub, serving

LABELS = {"health-predict.model-version": "7"}
FOUND = PublishedImage("sha256:of-the-manifest", LABELS)


@pytest.fixture(autouse=True)
def no_docker_login(monkeypatch, tmp_path):
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    return tmp_path


@pytest.fixture(params=["open", "basic", "bearer"])
def registry(request):
    with serving(RegistryStub(request.param)) as stub:
        yield stub


@pytest.mark.parametrize("in_index", [False, True])
def test_an_image_is_found_with_its_labels(registry, in_index: bool) -> None:
    registry.hold("team/server", "7-0123", LABELS, in_index=in_index)
    assert find_image(f"{registry.address}/team/server:7-0123", (USER, PASSWORD)) == FOUND


def test_what_is_not_there_is_none(registry) -> None:
    registry.hold("team/server", "7-0123", LABELS)
    assert find_image(f"{registry.address}/team/server:8-0123", (USER, PASSWORD)) is None


def test_an_image_without_labels_has_none(registry) -> None:
    registry.hold("server", "7", {})
    registry.documents["/v2/server/blobs/sha256:config"] = {"config": {"Labels": None}}
    found = find_image(f"{registry.address}/server:7", (USER, PASSWORD))
    assert found is not None
    assert found.labels == {}


@pytest.mark.parametrize("access", ["basic", "bearer"])
@pytest.mark.parametrize("credentials", [None, (USER, "wrong")])
def test_refused_credentials_name_registry_and_cure(access, credentials) -> None:
    with serving(RegistryStub(access)) as stub:
        stub.hold("server", "7", LABELS)
        with pytest.raises(
            InfrastructureError, match=rf"{stub.address} refuses access to server .*docker login"
        ) as error:
            find_image(f"{stub.address}/server:7", credentials)
    assert "wrong" not in str(error.value)


@pytest.mark.parametrize("access", ["basic", "bearer"])
def test_a_docker_login_is_used(access, no_docker_login) -> None:
    with serving(RegistryStub(access)) as stub:
        stub.hold("server", "7", LABELS)
        auth = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        (no_docker_login / "config.json").write_text(json.dumps({"auths": {stub.address: {"auth": auth}}}))
        assert find_image(f"{stub.address}/server:7") == FOUND


def test_a_token_is_asked_for_this_repository_alone() -> None:
    with serving(RegistryStub("bearer")) as stub:
        find_image(f"{stub.address}/team/server:7", (USER, PASSWORD))
        assert stub.scopes == ["repository:team/server:pull,push"]


def test_a_registry_that_is_not_there_is_infrastructure() -> None:
    with pytest.raises(InfrastructureError, match=r"127.0.0.1:9 cannot be reached \(ConnectionError\); start it"):
        find_image("127.0.0.1:9/server:7")


def test_a_failing_registry_is_infrastructure() -> None:
    with serving(RegistryStub(failure=503)) as stub, pytest.raises(InfrastructureError, match="answers HTTP 503"):
        find_image(f"{stub.address}/server:7")


def test_a_proxy_does_not_stand_before_this_machine(registry, monkeypatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    registry.hold("server", "7", LABELS)
    assert find_image(f"{registry.address}/server:7", (USER, PASSWORD)) == FOUND


@pytest.mark.parametrize("document", ["a page", ["a", "list"], 3])
def test_another_kind_of_server_is_infrastructure(document) -> None:
    with serving(RegistryStub()) as stub:
        stub.documents["/v2/server/manifests/7"] = document
        with pytest.raises(InfrastructureError, match="does not answer as a container registry; correct the URI"):
            find_image(f"{stub.address}/server:7")


def test_a_registry_without_tls_is_asked_in_the_clear_but_given_no_password(monkeypatch) -> None:
    monkeypatch.setattr(container_registry, "LOOPBACK", ("nowhere",))
    with serving(RegistryStub()) as stub:
        stub.hold("server", "7", LABELS)
        assert find_image(f"{stub.address}/server:7") == FOUND
        with pytest.raises(InfrastructureError, match="SSLError"):
            find_image(f"{stub.address}/server:7", (USER, PASSWORD))
