"""Ends the runs that cannot report their end: `python -m stacks.components.airflow_steps.reconciler --every 15`.

Looks at every unfinished run of an `airflow_steps` orchestrator, whoever submitted it. Afterwards it stops in Airflow
what has ended in ZenML, and removes the DAG files of finished runs but the newest.
"""

import logging
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from health_predict.errors import HealthPredictError, InfrastructureError
from stacks.components.airflow_steps.credentials import load_credentials
from stacks.components.airflow_steps.dag_file import submitted
from stacks.environment import prepare

if TYPE_CHECKING:
    from zenml.models import PipelineRunResponse

    from stacks.components.airflow_steps.observation import Observer
    from stacks.components.airflow_steps.orchestrator import AirflowStepsOrchestrator

log = logging.getLogger("health_predict.reconciler")
_UNFINISHED = "oneof:" + '["initializing", "provisioning", "running", "stopping"]'
_KEEP_OBSERVING: dict[str, "Observer"] = {}  # by component: an observer remembers since when there is trouble


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
            log.warning("%s: has ended in ZenML, is stopped in Airflow", path.stem)
            api.fail_run(path.stem, live.id)
            continue
        ended += 1
        if ended > orchestrator.config.keep_finished:
            path.unlink(missing_ok=True)
            log.info("%s: removed its DAG file", path.stem)


def _reconcile(orchestrator: "AirflowStepsOrchestrator", run: "PipelineRunResponse") -> None:
    from stacks.components.airflow_steps.publishing import publish

    observer = _KEEP_OBSERVING.setdefault(str(orchestrator.id), orchestrator.observer)
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


@click.command()
@click.option("--every", type=click.FloatRange(min=1), help="Seconds between two passes.")
@click.option("--once", is_flag=True, help="One pass, then leave.")
def main(*, every: float | None, once: bool) -> None:
    """End the runs that cannot report their end."""
    if once == (every is not None):
        raise click.UsageError("give one of --every SECONDS, --once")
    prepare()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", force=True)
    try:
        load_credentials()
        one_pass()
        while every and not threading.Event().wait(every):
            one_pass()
    except HealthPredictError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
