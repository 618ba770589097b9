"""Ends the runs that cannot report their end: `python -m stacks.components.airflow_steps.reconciler --every 15`.

Looks at every unfinished run of an `airflow_steps` orchestrator, whoever submitted it. Afterwards it stops in Airflow
what has ended in ZenML, and removes the DAG files of finished runs but the newest.
"""

import logging
import sys
import threading
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import click

from health_predict.errors import HealthPredictError, InfrastructureError, InputError
from stacks.apply import alone
from stacks.components.airflow_steps.credentials import load_credentials
from stacks.components.airflow_steps.dag_file import submitted
from stacks.environment import prepare, quiet_console

if TYPE_CHECKING:
    from zenml.models import PipelineRunResponse

    from stacks.components.airflow_steps.observation import Observer
    from stacks.components.airflow_steps.orchestrator import AirflowStepsOrchestrator

log = logging.getLogger("health_predict.reconciler")
_UNFINISHED = "oneof:" + '["initializing", "provisioning", "running", "stopping"]'
_GRACE = 60.0  # seconds
_OBSERVERS: dict[tuple[UUID, datetime], "Observer"] = {}  # each remembers since when there is trouble


def one_pass() -> None:
    """Reconcile every run and clear away; a run that cannot be looked at does not keep the others from it."""
    for orchestrator in _orchestrators():
        for run in _runs(orchestrator):
            try:
                _reconcile(orchestrator, run)
            except Exception as failure:  # anything: this must go on for the other runs
                log.error("%s: %s: %s", run.name, type(failure).__name__, failure)
        try:
            clear_away(orchestrator)
        except InfrastructureError as failure:
            log.warning("%s", failure)


def clear_away(orchestrator: "AirflowStepsOrchestrator") -> None:
    """Stop in Airflow the runs that have ended in ZenML; forget all but the newest of those that ended in both."""
    from zenml.client import Client

    folder, api, ended = Path(orchestrator.config.dags_folder), orchestrator.api, 0
    for path in submitted(folder):
        found = Client().list_pipeline_runs(name=path.stem, size=1).items
        if found and not found[0].status.is_finished:
            continue
        live = api.dag_run(path.stem)
        if live and not live.finished:
            if found and _just_ended(found[0]):
                continue
            log.warning("%s: has ended in ZenML, is stopped in Airflow", path.stem)
            api.fail_run(path.stem, live.id)
            continue
        ended += 1
        if ended > orchestrator.config.keep_finished:
            path.unlink(missing_ok=True)
            log.info("%s: removed its DAG file", path.stem)


def _just_ended(run: "PipelineRunResponse") -> bool:
    """Whether Airflow may still be about to see by itself what its last task did."""
    from zenml.utils.time_utils import utc_now

    return (utc_now() - run.updated.replace(tzinfo=None)).total_seconds() < _GRACE


def _reconcile(orchestrator: "AirflowStepsOrchestrator", run: "PipelineRunResponse") -> None:
    from stacks.components.airflow_steps.publishing import publish

    # known by its configuration, too: another address is another Airflow
    observer = _OBSERVERS.setdefault((orchestrator.id, orchestrator.updated), orchestrator.observer)
    seen, decision = observer.look(run.id)
    if decision.final and not seen.status.is_finished:
        log.warning("%s: %s: %s", seen.name, decision.verdict.value, decision.reason)
        publish(seen, decision)


def _orchestrators() -> Iterator["AirflowStepsOrchestrator"]:
    from zenml.client import Client
    from zenml.enums import StackComponentType
    from zenml.stack import StackComponent

    kind = StackComponentType.ORCHESTRATOR
    for model in Client().list_stack_components(type=kind, flavor="airflow_steps", size=100, hydrate=True).items:
        yield StackComponent.from_model(model)  # type: ignore[misc]


def _runs(orchestrator: "AirflowStepsOrchestrator") -> "list[PipelineRunResponse]":
    from zenml.client import Client

    return list(Client().list_pipeline_runs(stack_component=orchestrator.id, status=_UNFINISHED, size=1000).items)


def _open_store() -> bool:
    """Whether there is a ZenML store; the first `stacks.apply` makes it, and must not be disturbed in that."""
    from stacks.dashboard import store_url

    try:
        store_url()
    except InputError:
        return False
    with alone():
        from stacks.registration import open_store

        open_store()
    quiet_console()  # it is told once, by this process
    return True


def _pass_or_tell(*, opened: bool) -> bool:
    """One pass that leaves its failure to the next one; whether the store is open."""
    try:
        opened = opened or _open_store()
        if opened:
            one_pass()
    except Exception as failure:
        log.error("%s: %s", type(failure).__name__, (str(failure).strip() or "no message").splitlines()[0])
    return opened


@click.command()
@click.option("--every", type=click.FloatRange(min=1), help="Seconds between two passes.")
@click.option("--once", is_flag=True, help="One pass, then leave.")
def main(*, every: float | None, once: bool) -> None:
    """End the runs that cannot report their end."""
    if once == (every is not None):
        raise click.UsageError("give one of --every SECONDS, --once")
    prepare()
    load_credentials()
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s", force=True)
    log.setLevel(logging.INFO)
    if every is None:
        _one_pass_or_leave()
        return
    pause, opened = threading.Event(), False
    while True:
        opened = _pass_or_tell(opened=opened)
        pause.wait(every)


def _one_pass_or_leave() -> None:
    try:
        if _open_store():
            one_pass()
    except HealthPredictError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
