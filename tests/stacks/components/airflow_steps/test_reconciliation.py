"""Every state of a run that ZenML takes for unfinished, and what is said of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stacks.components.airflow_steps.reconciliation import (
    FINISHED,
    AirflowFacts,
    Decision,
    Limits,
    Verdict,
    ZenmlFacts,
    decide,
)

LIMITS = Limits(submit=60, run=600, outage=40)
NEW = ZenmlFacts("provisioning", {}, started=False)
RUNNING = ZenmlFacts("running", {"first": "completed", "second": "running"}, started=True)
BETWEEN = ZenmlFacts("running", {"first": "completed"}, started=True)
GOING = AirflowFacts(answers=True, dag_there=True, run_state="running", tasks={"first": "success", "second": "running"})
SILENT = AirflowFacts(answers=False, trouble="Airflow at http://a failed")


def airflow(**facts) -> AirflowFacts:
    return AirflowFacts(answers=True, **facts)


def ended(state: str, **tasks: str) -> AirflowFacts:
    return airflow(dag_there=True, run_state=state, tasks=tasks)


@pytest.mark.parametrize(
    ("zenml", "facts", "age", "troubled", "verdict", "steps", "said"),
    [
        (NEW, airflow(), 5, 0, "wait", (), ""),
        (NEW, airflow(dag_there=True), 59, 0, "wait", (), ""),
        (RUNNING, GOING, 500, 0, "wait", (), ""),
        (NEW, airflow(import_error="SyntaxError: x"), 5, 0, "fail", (), "cannot read its DAG: SyntaxError: x"),
        (NEW, airflow(import_error="AirflowTaskTimeout: 30 s"), 5, 0, "wait", (), ""),
        (NEW, airflow(import_error="AirflowTaskTimeout: 30 s"), 61, 0, "fail", (), "AirflowTaskTimeout"),
        (NEW, airflow(import_error="old", dag_there=True), 5, 0, "wait", (), ""),
        (NEW, airflow(file_there=False), 5, 0, "fail", (), "file was deleted"),
        (NEW, airflow(), 61, 0, "fail", (), "did not read the DAG file within 60 s"),
        (NEW, airflow(dag_there=True), 61, 0, "fail", (), "did not begin the run within 60 s"),
        (RUNNING, airflow(dag_there=True), 61, 0, "fail", ("second",), "deleted in Airflow"),
        (RUNNING, GOING, 601, 0, "fail", ("second",), "not finished after 600 s"),
        (RUNNING, SILENT, 100, 39, "wait", (), "Airflow at http://a failed"),
        (RUNNING, SILENT, 100, 41, "fail", ("second",), "for more than 40 s"),
        (NEW, airflow(trouble="scheduler is unhealthy"), 5, 41, "fail", (), "scheduler is unhealthy"),
        (RUNNING, ended("running", first="success", second="failed"), 9, 0, "fail", ("second",), "second died"),
        (RUNNING, ended("failed", first="success", second="failed"), 9, 0, "fail", ("second",), "second died"),
        (BETWEEN, ended("failed", first="success", second="failed"), 9, 0, "fail", (), "second failed before the step"),
        (BETWEEN, ended("failed", first="success", second="removed"), 9, 0, "fail", (), "the DAG run failed"),
        (BETWEEN, ended("success", first="success", second="success"), 9, 0, "fail", (), "no result of it"),
        # a run that has ended is judged by its end, however late that is seen
        (BETWEEN, ended("failed", first="success", second="failed"), 9999, 0, "fail", (), "failed before the step"),
        (ZenmlFacts("stopping", {"first": "running"}, True), ended("failed"), 9, 0, "stop", ("first",), "on request"),
        (ZenmlFacts("stopping", {}, False), airflow(), 9, 0, "stop", (), "on request"),
    ],
)
def test_decision_table(zenml, facts, age, troubled, verdict, steps, said) -> None:
    decision = decide(zenml, facts, age=age, troubled=troubled, limits=LIMITS)
    assert (decision.verdict.value, decision.steps) == (verdict, steps)
    assert said in decision.reason


STATUSES = st.sampled_from(["initializing", "provisioning", "running", "stopping", "retrying", *sorted(FINISHED)])
UNFINISHED = st.sampled_from(["initializing", "provisioning", "running", "stopping"])
RUNS = st.builds(
    ZenmlFacts, UNFINISHED, st.dictionaries(st.sampled_from("abc"), STATUSES, max_size=3), started=st.booleans()
)
TASKS = st.sampled_from([None, "queued", "running", "success", "failed", "upstream_failed", "removed", "skipped"])
AIRFLOWS = st.builds(
    AirflowFacts,
    answers=st.booleans(),
    trouble=st.sampled_from(["", "paused"]),
    file_there=st.booleans(),
    import_error=st.none() | st.just("SyntaxError") | st.just("Timeout"),
    dag_there=st.booleans(),
    run_state=st.sampled_from([None, "queued", "running", "success", "failed"]),
    tasks=st.dictionaries(st.sampled_from("abc"), TASKS, max_size=3),
)


@given(RUNS, AIRFLOWS, st.floats(LIMITS.run + 0.1, 1e9), st.floats(0, 1e9))
def test_no_run_is_unfinished_for_ever(zenml: ZenmlFacts, facts: AirflowFacts, age: float, troubled: float) -> None:
    decision = decide(zenml, facts, age=age, troubled=troubled, limits=LIMITS)
    assert decision.final
    assert decision.reason
    unfinished = {name for name, status in zenml.steps.items() if status not in FINISHED}
    assert set(decision.steps) == unfinished


@given(RUNS, AIRFLOWS, st.floats(0, 1e4), st.floats(0, 1e4))
def test_a_finished_step_is_never_touched(zenml: ZenmlFacts, facts: AirflowFacts, age: float, troubled: float) -> None:
    decision = decide(zenml, facts, age=age, troubled=troubled, limits=LIMITS)
    assert all(zenml.steps[name] not in FINISHED for name in decision.steps)


def test_what_waits_is_not_final() -> None:
    assert not Decision(Verdict.WAIT, "the DAG is paused").final
