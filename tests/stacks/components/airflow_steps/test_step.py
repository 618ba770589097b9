"""A step's process: what it does when it is not the first of its task, and what is said when it dies."""

from types import SimpleNamespace
from uuid import UUID

import pytest
from zenml.enums import ExecutionStatus

from health_predict.errors import InfrastructureError
from stacks.components.airflow_steps import entrypoint, mark_failed, publishing, step
from stacks.components.airflow_steps.entrypoint import SlimStep

SNAPSHOT = UUID(int=5)
pytestmark = pytest.mark.usefixtures("prepared_process")
ARGUMENTS = ["--snapshot_id", str(SNAPSHOT), "--step_name", "first"]


def submitted(monkeypatch: pytest.MonkeyPatch, status: str, **steps: str) -> list:
    """The run as ZenML has it when the process begins; returns what is published of it."""
    known = {name: SimpleNamespace(status=ExecutionStatus(state)) for name, state in steps.items()}
    run = SimpleNamespace(name="run-7", status=ExecutionStatus(status), steps=known)
    published: list = []
    for module in (entrypoint, publishing):
        monkeypatch.setattr(module, "find_run", lambda snapshot: run if snapshot == SNAPSHOT else None)
        monkeypatch.setattr(module, "publish", lambda run, decision: published.append(decision))
    monkeypatch.setattr(entrypoint, "explain", lambda run, name, reason: None)
    return published


@pytest.mark.parametrize("state", ["completed", "cached"])
def test_what_is_done_is_not_done_again(monkeypatch: pytest.MonkeyPatch, state: str) -> None:
    published = submitted(monkeypatch, "running", first=state)
    assert step.main(ARGUMENTS) == 0
    assert not published


def test_a_run_that_has_ended_is_not_taken_up_again(monkeypatch: pytest.MonkeyPatch) -> None:
    submitted(monkeypatch, "failed")
    with pytest.raises(InfrastructureError, match=r"the run run-7 has ended; start another one with run\.py"):
        SlimStep(ARGUMENTS).run()


def test_a_step_whose_process_was_lost_fails_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    published = submitted(monkeypatch, "running", first="running")
    assert step.main(ARGUMENTS) == step.REPORTED
    (decision,) = published
    assert decision.steps == ("first",)
    assert "its process was lost when Airflow was restarted; run the same command again" in decision.reason


@pytest.mark.parametrize(
    ("code", "said"), [("137", "was killed by signal 9"), ("127", "ended with exit code 127"), ("1", "exit code 1")]
)
def test_how_a_process_died(monkeypatch: pytest.MonkeyPatch, code: str, said: str) -> None:
    published = submitted(monkeypatch, "running", first="running")
    mark_failed.main(str(SNAPSHOT), "first", code)
    assert said in published[0].reason
    assert published[0].steps == ("first",)


def test_a_reported_failure_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    published = submitted(monkeypatch, "failed", first="failed")
    mark_failed.main(str(SNAPSHOT), "first", "1")
    assert not published


@pytest.mark.parametrize(("told", "updates"), [(None, 1), ("its own line", 0)])
def test_a_step_that_was_closed_without_a_word_gets_its_reason(
    monkeypatch: pytest.MonkeyPatch, told: str | None, updates: int
) -> None:
    closed = SimpleNamespace(id=UUID(int=7), exception_info=told)
    run = SimpleNamespace(id=UUID(int=6), steps={"first": closed})
    made: list = []
    store = SimpleNamespace(update_run_step=lambda step_id, update: made.append((step_id, update)))
    client = SimpleNamespace(get_pipeline_run=lambda run_id: run, zen_store=store)
    monkeypatch.setattr(publishing, "Client", lambda: client)
    publishing.explain(run, "first", "first could not be run: PermissionError: Forbidden")
    assert len(made) == updates
    for step_id, update in made:
        assert step_id == closed.id
        assert update.exception_info.message == "first could not be run: PermissionError: Forbidden"
        assert update.exception_info.source == "health_predict.errors.InfrastructureError"
