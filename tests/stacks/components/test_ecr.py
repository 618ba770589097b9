"""The login of the flavor `ecr`, against moto's ECR."""

import base64
from datetime import UTC, datetime, timedelta

import pytest
from botocore.stub import Stubber
from moto import mock_aws

from health_predict.errors import InfrastructureError
from tests.adapters.image_stack import component, zenml_in

HOST = "123456789012.dkr.ecr.eu-central-1.amazonaws.com"
LIFE = timedelta(hours=12)


@pytest.fixture(autouse=True, scope="module")
def own_zenml(tmp_path_factory):
    with zenml_in(tmp_path_factory.mktemp("zenml")):
        yield


@pytest.fixture(autouse=True)
def account(monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        yield


def registry(uri: str = HOST, **settings: str):
    from stacks.components.ecr.configuration import EcrConfig
    from stacks.components.ecr.registry import EcrRegistry

    return EcrRegistry(config=EcrConfig(uri=uri, **settings), **component("container_registry", "ecr"))


@pytest.fixture
def tokens(monkeypatch):
    """ECR that numbers its tokens; moto's own have all expired in 2015."""
    import stacks.components.ecr.registry as module

    given: list[datetime] = []

    class Client:
        def get_authorization_token(self):
            given.append(datetime.now(UTC))
            token = base64.b64encode(f"AWS:token-{len(given)}".encode()).decode()
            return {"authorizationData": [{"authorizationToken": token, "expiresAt": Clock.time + LIFE}]}

    class Clock(datetime):
        time = datetime(2026, 1, 1, tzinfo=UTC)

        @classmethod
        def now(cls, tz=None):
            return cls.time

    monkeypatch.setattr(module, "datetime", Clock)
    monkeypatch.setattr(module.EcrRegistry, "_get_ecr_client", lambda self: Client())
    return Clock


def test_the_account_of_the_process_logs_in() -> None:
    assert registry().credentials == ("AWS", "123456789012-auth-token")


def test_a_token_serves_until_shortly_before_its_end(tokens) -> None:
    ecr = registry()
    assert [ecr.credentials for _ in range(3)] == [("AWS", "token-1")] * 3
    tokens.time += LIFE - timedelta(minutes=31)
    assert ecr.credentials == ("AWS", "token-1")
    tokens.time += timedelta(minutes=2)
    assert ecr.credentials == ("AWS", "token-2")


@pytest.mark.parametrize("uri", ["ecr.example.org", "127.0.0.1:5000"])
def test_the_region_may_stand_beside_a_host_that_does_not_name_it(uri) -> None:
    assert registry(uri, region="eu-west-1")._get_ecr_client().meta.region_name == "eu-west-1"
    assert registry()._get_ecr_client().meta.region_name == "eu-central-1"


def test_no_login_is_infrastructure_in_one_line_without_a_key(monkeypatch, tmp_path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(InfrastructureError, match=rf"{HOST}: no login \(NoCredentialsError\); check the AWS") as error:
        _ = registry().credentials
    assert "\n" not in str(error.value)


def test_a_refused_login_names_its_code(monkeypatch) -> None:
    ecr = registry()
    client = ecr._get_ecr_client()
    monkeypatch.setattr(type(ecr), "_get_ecr_client", lambda self: client)
    with Stubber(client) as stubber, pytest.raises(InfrastructureError, match=r"no login \(AccessDeniedException\)"):
        stubber.add_client_error("get_authorization_token", "AccessDeniedException", "no", 400)
        _ = ecr.credentials
