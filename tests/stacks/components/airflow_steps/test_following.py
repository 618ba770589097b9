"""What the one who waits is told, and how it ends."""

import logging
from datetime import datetime, timedelta
from types import SimpleNamespace
from uuid import UUID

import pytest
from zenml.enums import ExecutionStatus
from zenml.models import ExceptionInfo

from health_predict.errors import HealthPredictError, InfrastructureError
from stacks.components.airflow_steps import following
from stacks.components.airflow_steps.airflow_api import AirflowApi
from stacks.components.airflow_steps.following import Follower
from stacks.components.airflow_steps.reconciliation import Decision, Verdict

NOON = datetime(2026, 1, 1, 12)
WAIT = Decision(Verdict.WAIT)


def step(status: str, seconds: float | None = None, error: tuple[str, str] | None = None) -> SimpleNamespace:
    end = NOON + timedelta(seconds=seconds) if seconds is not None else None
    info = ExceptionInfo(traceback="", source=error[0], message=error[1]) if error else None
    return SimpleNamespace(status=ExecutionStatus(status), start_time=NOON, end_time=end, exception_info=info)


def run(status: str, reason: str | None = None, **steps: SimpleNamespace) -> SimpleNamespace:
    body = SimpleNamespace(status_reason=reason)
    return SimpleNamespace(
        id=UUID(int=7), name="run-7", status=ExecutionStatus(status), steps=steps, get_body=lambda: body
    )


def follower(*seen: tuple[SimpleNamespace, Decision]) -> Follower:
    looks = iter(seen)
    observer = SimpleNamespace(api=AirflowApi("http://airflow", "admin", "x"), look=lambda run_id: next(looks))
    return Follower(observer, UUID(int=7), "run-7", sleep=lambda seconds: None)


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, logger="health_predict.airflow")
    return caplog


def test_progress_is_told_once(told: pytest.LogCaptureFixture) -> None:
    paused = Decision(Verdict.WAIT, "the DAG is paused")
    follower(
        (run("provisioning"), WAIT),
        (run("running", first=step("running")), WAIT),
        (run("running", first=step("running")), paused),
        (run("running", first=step("running")), paused),
        (run("completed", first=step("completed", 12.3), second=step("cached")), WAIT),
    ).follow()
    assert told.messages == [
        "Airflow: http://airflow/dags/run-7",
        "ZenML: run run-7 (00000000-0000-0000-0000-000000000007)",
        "first: running",
        "waiting: the DAG is paused",
        "first: done in 12 s",
        "second: cached",
    ]


def test_a_defect_of_a_step_is_named_with_its_log() -> None:
    failed = run("failed", first=step("failed", 1, ("builtins.ZeroDivisionError", "a defect\nmore")))
    with pytest.raises(HealthPredictError, match=r"step first failed: ZeroDivisionError: a defect; .*run-7$") as seen:
        follower((failed, WAIT)).follow()
    assert seen.value.exit_code == 1


def test_what_airflow_cannot_report_is_published(monkeypatch: pytest.MonkeyPatch) -> None:
    published = []
    monkeypatch.setattr(following, "publish", lambda run, decision: published.append(decision))
    gone = Decision(Verdict.FAIL, "for more than 40 s: scheduler is unhealthy", ("first",))
    known = ("health_predict.errors.InfrastructureError", gone.reason)
    with pytest.raises(InfrastructureError, match=r"^run-7: for more than 40 s: scheduler is unhealthy \(http"):
        follower(
            (run("running", first=step("running")), gone),
            (run("failed", gone.reason, first=step("failed", 1, known)), WAIT),
        ).follow()
    assert published == [gone]


def test_a_run_that_ended_meanwhile_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "publish", lambda run, decision: pytest.fail("it has ended"))
    follower((run("completed", first=step("completed", 1)), Decision(Verdict.FAIL, "too late"))).follow()


def test_an_interruption_leaves_the_run_going() -> None:
    interrupted = follower((run("running", first=step("running")), WAIT))
    interrupted.sleep = _interrupt
    with pytest.raises(KeyboardInterrupt, match="the run goes on") as left:
        interrupted.follow()
    assert "zenml pipeline runs stop 00000000-0000-0000-0000-000000000007" in str(left.value)


def _interrupt(seconds: float) -> None:
    raise KeyboardInterrupt
