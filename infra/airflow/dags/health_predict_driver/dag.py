"""What a driver DAG is: typed parameters, one task, one run at a time."""

import os
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from airflow.sdk import DAG, CronTriggerTimetable, Param

from health_predict_driver.command import RunCommand


def driver_dag(
    dag_id: str,
    task_id: str,
    doc: str,
    parameters: Mapping[str, Param],
    arguments: Callable[[Mapping[str, Any]], list[str]],
    schedule: str | None = None,
) -> DAG:
    """Return the DAG whose one task runs run.py on the stack that HEALTH_PREDICT_STACK names, else `airflow`.

    Args:
        doc: Markdown, shown in the UI.
        parameters: the fields of the UI's trigger form.
        arguments: from their values to arguments of run.py.
        schedule: cron or a preset; None: started by hand alone.
    """
    stack = os.environ.get("HEALTH_PREDICT_STACK") or "airflow"
    dag = DAG(
        dag_id=dag_id,
        doc_md=doc,
        params=dict(parameters),
        # the first time is the next one: a new installation has nothing to monitor yet
        schedule=CronTriggerTimetable(schedule, timezone="UTC", run_immediately=timedelta()) if schedule else None,
        catchup=False,
        max_active_runs=1,
        is_paused_upon_creation=False,  # scheduled means unattended
        tags=["health_predict"],
    )
    RunCommand(
        task_id=task_id,
        dag=dag,
        retries=0,  # run.py asks again by itself where that helps
        arguments=lambda values: [*arguments(values), f"--stack={stack}"],
    )
    return dag


def options(values: Mapping[str, Any], names: Mapping[str, str]) -> list[str]:
    """Return `--option=value` for every parameter that is set; one word each, so no value can pass for an option."""
    return [f"{option}={values[name]}" for name, option in names.items() if values[name] not in (None, "")]
