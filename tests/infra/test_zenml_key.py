"""The key that infra/compose draws, at a real ZenML server with logins."""

import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from health_predict.errors import InfrastructureError
from infra.compose.zenml_key import ZenmlServer, draw_key
from stacks.value_file import read_values
from tests.infra.zenml_server import PASSWORD, zenml_server
from tests.serving.processes import free_port

pytestmark = pytest.mark.infra


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ZenmlServer]:
    with zenml_server(tmp_path_factory.mktemp("zenml")) as started:
        yield ZenmlServer(started.url)


def test_key_opens_the_server_and_is_its_owners_alone(server: ZenmlServer, tmp_path: Path) -> None:
    file = tmp_path / "zenml.env"
    assert draw_key(server, PASSWORD, file)
    values = read_values(file)
    assert values["ZENML_STORE_URL"] == server.url
    assert server.login(grant_type="zenml-api-key", password=values["ZENML_STORE_API_KEY"])
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_good_key_is_kept_and_a_stale_one_replaced(server: ZenmlServer, tmp_path: Path) -> None:
    file = tmp_path / "zenml.env"
    draw_key(server, PASSWORD, file)
    before = file.read_text()
    assert not draw_key(server, "is not asked", file)
    assert file.read_text() == before

    file.write_text(before.replace("ZENML_STORE_API_KEY=", "ZENML_STORE_API_KEY=x"))
    assert draw_key(server, PASSWORD, file)
    assert read_values(file)["ZENML_STORE_API_KEY"] not in before


def test_wrong_password_is_named_and_writes_nothing(server: ZenmlServer, tmp_path: Path) -> None:
    with pytest.raises(InfrastructureError, match=r"refuses ZENML_ADMIN_PASSWORD \(401\)"):
        draw_key(server, "not-the-password", tmp_path / "zenml.env")
    assert not (tmp_path / "zenml.env").exists()


def test_silent_server_is_named(tmp_path: Path) -> None:
    with pytest.raises(InfrastructureError, match="does not answer"):
        draw_key(ZenmlServer(f"http://127.0.0.1:{free_port()}"), PASSWORD, tmp_path / "zenml.env")
