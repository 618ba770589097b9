"""People are told through the alerter of the active stack, where it has one."""

import logging
from pathlib import Path

import pytest

from adapters.alerting import post
from stacks.apply import apply_stack
from steps.notification.notify_promotion import notify_promotion
from tests.stacks.own_store import Store

PROMOTION = {"promoted": True, "reason": "better", "challenger_version": "2", "provenance": "uci"}
STACK = """
components:
  orchestrator: {{name: alerted_orchestrator, flavor: local}}
  artifact_store: {{name: alerted_artifacts, flavor: local}}
  alerter: {{name: alerted_file, flavor: file, configuration: {{file: {file}}}}}
flavors: [tests.stacks.file_alerter.FileAlerterFlavor]
"""


@pytest.fixture
def told(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the alerter of the active stack writes."""
    file = store.state / "told.txt"
    file.unlink(missing_ok=True)
    (tmp_path / "alerted.yaml").write_text(STACK.format(file=file))
    identifier = str(apply_stack("alerted", activate=False, folder=tmp_path).id)
    monkeypatch.setenv("ZENML_ACTIVE_STACK_ID", identifier)
    return file


def test_the_alerter_takes_a_promotion(told: Path) -> None:
    assert notify_promotion.entrypoint(PROMOTION) is True
    assert told.read_text() == "HealthPredict version 2 promoted: better\n"


def test_an_alerter_that_fails_stops_nothing(told: Path, caplog: pytest.LogCaptureFixture) -> None:
    told.mkdir()
    with caplog.at_level(logging.WARNING, "health_predict.alerting"):
        assert post("a line") is False
    told.rmdir()
    assert "the alerter alerted_file failed (IsADirectoryError): a line" in caplog.text


def test_a_stack_without_an_alerter_tells_nobody(store: Store) -> None:
    assert post("a line") is False
