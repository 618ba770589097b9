"""What is to be said of a run that ZenML still takes for unfinished. Pure: facts and a clock in, a decision out."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

FINISHED = frozenset({"failed", "completed", "cached", "skipped", "retried", "stopped", "cancelled"})
_LOST = frozenset({"failed", "upstream_failed", "removed", "skipped"})


class Verdict(StrEnum):
    """What is to be published of a run."""

    WAIT = "wait"
    FAIL = "fail"
    STOP = "stop"


@dataclass(frozen=True)
class Limits:
    """How long what may take, in seconds; see `AirflowStepsConfig`."""

    submit: float
    run: float
    outage: float


@dataclass(frozen=True)
class ZenmlFacts:
    """A run in ZenML: its status, the status of each of its steps that has begun, and whether a task of it did."""

    status: str
    steps: Mapping[str, str]
    started: bool


@dataclass(frozen=True)
class AirflowFacts:
    """What Airflow says of the run; `trouble` is why nothing goes on there now, empty if nothing is wrong.

    With `answers` False nothing else is known.
    """

    answers: bool
    trouble: str = ""
    file_there: bool = True
    import_error: str | None = None
    dag_there: bool = False
    run_state: str | None = None
    tasks: Mapping[str, str | None] | None = None


@dataclass(frozen=True)
class Decision:
    """What to publish, and why; `steps` are those whose end ZenML does not know."""

    verdict: Verdict
    reason: str = ""
    steps: tuple[str, ...] = ()

    @property
    def final(self) -> bool:
        """Whether the run ends here."""
        return self.verdict is not Verdict.WAIT


def decide(zenml: ZenmlFacts, airflow: AirflowFacts, *, age: float, troubled: float, limits: Limits) -> Decision:
    """Decide on an unfinished run.

    Args:
        zenml: read after `airflow`, so that a step that reported its end is not taken for one that could not.
        airflow: what Airflow knew just before.
        age: seconds since the submission.
        troubled: seconds for which Airflow has been in trouble or silent, 0 if it is not.
        limits: how long what may take.
    """
    open_steps = tuple(name for name, status in zenml.steps.items() if status not in FINISHED)
    if airflow.answers and airflow.run_state in ("failed", "success"):
        return _ended(zenml, airflow, open_steps)
    if age > limits.run:
        return Decision(Verdict.FAIL, f"not finished after {limits.run:.0f} s (run_timeout)", open_steps)
    if troubled > limits.outage:
        return Decision(Verdict.FAIL, f"for more than {limits.outage:.0f} s: {airflow.trouble}", open_steps)
    if not airflow.answers:
        return Decision(Verdict.WAIT, airflow.trouble)
    if airflow.run_state is None:
        return _not_begun(zenml, airflow, open_steps, age, limits)
    dead = tuple(name for name in open_steps if (airflow.tasks or {}).get(name) in _LOST)
    if dead:
        return Decision(Verdict.FAIL, _died(dead), dead)
    return Decision(Verdict.WAIT, airflow.trouble)


def _ended(zenml: ZenmlFacts, airflow: AirflowFacts, open_steps: tuple[str, ...]) -> Decision:
    if zenml.status == "stopping":
        return Decision(Verdict.STOP, "stopped on request", open_steps)
    if open_steps:
        return Decision(Verdict.FAIL, _died(open_steps), open_steps)
    if airflow.run_state == "success":
        return Decision(Verdict.FAIL, "Airflow finished the run, but ZenML has no result of it")
    lost = [name for name, state in (airflow.tasks or {}).items() if state == "failed" and name not in zenml.steps]
    said = f"the task of {', '.join(lost)} failed before the step began" if lost else "the DAG run failed"
    return Decision(Verdict.FAIL, f"{said}; see its log in Airflow")


def _not_begun(
    zenml: ZenmlFacts, airflow: AirflowFacts, open_steps: tuple[str, ...], age: float, limits: Limits
) -> Decision:
    if zenml.started:
        return Decision(Verdict.FAIL, "the DAG run was deleted in Airflow", open_steps)
    if zenml.status == "stopping":
        return Decision(Verdict.STOP, "stopped on request", open_steps)
    # under load Airflow gives up reading a file after a while, and tries again
    if airflow.import_error and not airflow.dag_there and "Timeout" not in airflow.import_error:
        return Decision(Verdict.FAIL, f"Airflow cannot read its DAG: {airflow.import_error}", open_steps)
    if not airflow.file_there and not airflow.dag_there:
        return Decision(Verdict.FAIL, "its DAG file was deleted before Airflow read it", open_steps)
    if age > limits.submit:
        waited = f"within {limits.submit:.0f} s (submit_timeout)"
        read = "did not begin the run" if airflow.dag_there else "did not read the DAG file"
        why = f": {airflow.import_error}" if airflow.import_error else ""
        return Decision(Verdict.FAIL, f"Airflow {read} {waited}{why}", open_steps)
    return Decision(Verdict.WAIT, airflow.trouble)


def _died(steps: tuple[str, ...]) -> str:
    return f"the process of {', '.join(steps)} died or was killed before it could report; see its log in Airflow"
