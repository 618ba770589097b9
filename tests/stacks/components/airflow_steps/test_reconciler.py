"""The service around the decisions: it goes on whatever fails, and makes no store."""

import pytest
from click.testing import CliRunner

from health_predict.errors import InfrastructureError
from stacks.components.airflow_steps import reconciler

pytestmark = pytest.mark.usefixtures("prepared_process")


def fail() -> None:
    raise InfrastructureError("the ZenML store is away")


def test_a_pass_that_fails_is_told_and_left_to_the_next(monkeypatch: pytest.MonkeyPatch, caplog) -> None:
    monkeypatch.setattr(reconciler, "one_pass", fail)
    assert reconciler._pass_or_tell(opened=True) is True
    assert caplog.messages == ["InfrastructureError: the ZenML store is away"]


def test_a_single_pass_that_fails_has_an_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconciler, "_open_store", lambda: True)
    monkeypatch.setattr(reconciler, "one_pass", fail)
    done = CliRunner().invoke(reconciler.main, ["--once"])
    assert (done.exit_code, done.stderr) == (5, "error: the ZenML store is away\n")


def test_nothing_is_to_do_before_there_is_a_store(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    monkeypatch.delenv("ZENML_STORE_URL", raising=False)
    monkeypatch.setenv("ZENML_CONFIG_PATH", str(tmp_path / "zenml"))
    monkeypatch.setattr(reconciler, "one_pass", fail)
    assert reconciler._pass_or_tell(opened=False) is False
    assert not (tmp_path / "zenml").exists()


@pytest.mark.parametrize("arguments", [[], ["--once", "--every", "5"], ["--every", "0"]])
def test_how_often_is_asked_for(arguments: list[str]) -> None:
    assert CliRunner().invoke(reconciler.main, arguments).exit_code == 2
