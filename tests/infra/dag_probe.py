"""Asks the driver DAGs what Airflow would: one question of JSON a line on its input, one answer a line on its output.

Runs in Airflow's environment, which cannot import this project. An answer begins with `@`; other lines are the log.
"""

import json
import os
import signal
import sys
from pathlib import Path

from airflow.dag_processing.dagbag import BundleDagBag
from airflow.sdk.exceptions import AirflowFailException, ParamValidationError
from airflow.serialization.serialized_objects import DagSerialization


def main(dags: str) -> None:
    for line in sys.stdin:
        question = json.loads(line)
        os.environ.clear()
        os.environ.update(question["environment"])
        bag = BundleDagBag(dag_folder=dags, bundle_path=Path(dags), bundle_name="dags-folder")
        dag = question.get("dag")
        told = _execute(bag.dags[dag], question["conf"]) if dag else _describe(bag)
        sys.stdout.write(f"\n@{json.dumps(told)}\n")
        sys.stdout.flush()


def _describe(bag) -> dict:
    return {
        "import_errors": bag.import_errors,
        "files": sorted(Path(file).name for file in bag.file_last_changed),
        "dags": {name: _told(dag) for name, dag in bag.dags.items()},
    }


def _told(dag) -> dict:
    serialized = DagSerialization.to_dict(dag)["dag"]
    return {
        "schedule": serialized["timetable"]["__var"].get("expression"),
        "catchup": dag.catchup,
        "max_active_runs": dag.max_active_runs,
        "paused": dag.is_paused_upon_creation,
        "tags": sorted(dag.tags),
        "doc": dag.doc_md,
        "tasks": [(task.task_id, task.retries) for task in dag.tasks],
        "params": {name: dag.params.get_param(name).serialize() for name in dag.params},
    }


def _execute(dag, conf) -> dict:
    """As Airflow's task runner does it: parameters checked, and a stop told to the task."""
    (task,) = dag.tasks
    try:
        dag.params.update(conf)
        dag.params.validate()
        signal.signal(signal.SIGTERM, lambda *_: task.on_kill())
        return {"xcom": task.execute({"params": dag.params.dump()})}
    except (AirflowFailException, ParamValidationError) as error:
        return {"failed": type(error).__name__, "message": str(error)}


if __name__ == "__main__":
    main(*sys.argv[1:])
