"""The DAG of one submitted run. Lies in a zip beside config.json, and is read by Airflow from there.

Outside a zip it only declares what config.json holds, since the pipelines' environment has no Airflow. Inside one it
imports nothing of the project: Airflow has an environment of its own. Where the project, its interpreter and its state
are, Airflow's processes know from HEALTH_PREDICT_PROJECT, HEALTH_PREDICT_PYTHON and HEALTH_PREDICT_STATE.
"""

import os
import shlex
import zipfile
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel

CONFIG = "config.json"
_PACKAGE = "stacks.components.airflow_steps"
_RUN_ID = "ZENML_AIRFLOW_RUN_ID"
_CREDENTIALS = "HEALTH_PREDICT_ZENML_CREDENTIALS"
_IN_CONTAINER = "/run/secrets/health_predict_zenml"
_REPORTED = 3  # as in step.py
_KEPT = ("PATH", "HOME", "LANG", "TMPDIR", "TZ", "SSL_CERT_FILE")
_SECRET = ("TOKEN", "KEY", "SECRET", "PASSWORD")


class Task(BaseModel):
    """One step: its name, the steps before it, its arguments, and for docker its image."""

    name: str
    upstream: list[str]
    arguments: list[str]
    environment: dict[str, str]
    operator_args: dict[str, Any] = {}
    image: str | None = None


class Submission(BaseModel):
    """One run of a pipeline; a `snapshot` is what ZenML calls a compiled pipeline."""

    dag_id: str
    pipeline: str
    snapshot_id: str
    submitted_at: datetime
    operator: Literal["process", "docker"]
    tags: list[str]
    tasks: list[Task]


def process_arguments(task: Task, submission: Submission, environ: dict[str, str]) -> dict[str, Any]:
    """Arguments of BashOperator: the step in a fresh folder, with an environment of its own instead of Airflow's."""
    python = shlex.quote(environ["HEALTH_PREDICT_PYTHON"])
    run = f"{python} -m {_PACKAGE}.step {shlex.join(task.arguments)}"
    mark = f"{python} -m {_PACKAGE}.mark_failed {submission.snapshot_id} {shlex.quote(task.name)} $code"
    # a ZenML configuration of its own: steps that run beside each other would overwrite a common one
    script = (
        f'export ZENML_CONFIG_PATH="$PWD/zenml"; {run}; code=$?; '
        f"[ $code -eq 0 ] || [ $code -eq {_REPORTED} ] || {mark}; exit $code"
    )
    kept = {name: environ[name] for name in _KEPT if name in environ}
    own = {name: value for name, value in environ.items() if name.startswith("HEALTH_PREDICT_") and not secret(name)}
    env = {**kept, **own, **task.environment, "PYTHONPATH": environ["HEALTH_PREDICT_PROJECT"], _RUN_ID: "{{ run_id }}"}
    return {"bash_command": script, "env": env, "append_env": False, **task.operator_args}


def docker_arguments(task: Task, environ: dict[str, str]) -> dict[str, Any]:
    """Arguments of DockerOperator; the ZenML server's credentials are mounted as a file."""
    from docker.types import Mount  # comes with Airflow's Docker provider

    mounts = [mount if isinstance(mount, Mount) else Mount(**mount) for mount in task.operator_args.get("mounts", [])]
    env = {**task.environment, _RUN_ID: "{{ run_id }}"}
    if _CREDENTIALS in environ:
        mounts.append(Mount(_IN_CONTAINER, environ[_CREDENTIALS], type="bind", read_only=True))
        env[_CREDENTIALS] = _IN_CONTAINER
    command = ["python", "-m", f"{_PACKAGE}.step", *task.arguments]
    return {
        "image": task.image,
        "command": command,
        "environment": env,
        "mount_tmp_dir": False,
        **task.operator_args,
        "mounts": mounts,
    }


def secret(name: str) -> bool:
    """Whether a variable of this name must not be shown or stored."""
    return any(word in name.upper() for word in _SECRET)


def _build(submission: Submission) -> Any:  # noqa: ANN401 - a DAG, whose class is imported here
    from airflow.sdk import DAG

    dag = DAG(
        dag_id=submission.dag_id,
        description=f"One run of {submission.pipeline}; start another one with run.py, not here",
        schedule="@once",
        start_date=submission.submitted_at,  # what Airflow shows as the date of the run
        catchup=False,
        is_paused_upon_creation=False,
        tags=sorted({"health_predict", submission.pipeline, *submission.tags}),
        # a step that failed is closed in ZenML, so a second try of its task could not report anything
        default_args={"retries": 0},
    )
    operators = {task.name: _operator(task, submission, dag) for task in submission.tasks}
    for task in submission.tasks:
        for upstream in task.upstream:
            operators[task.name].set_upstream(operators[upstream])
    return dag


def _operator(task: Task, submission: Submission, dag: Any) -> Any:  # noqa: ANN401 - as above
    environ = dict(os.environ)
    if submission.operator == "docker":
        from airflow.providers.docker.operators.docker import DockerOperator

        operator = DockerOperator(task_id=task.name, dag=dag, **docker_arguments(task, environ))
        operator.template_ext = ()  # the source of a mount is a path, also where it ends in .env or .sh
        return operator
    from airflow.providers.standard.operators.bash import BashOperator

    return BashOperator(task_id=task.name, dag=dag, **process_arguments(task, submission, environ))


if zipfile.is_zipfile(Path(__file__).parent):
    with zipfile.ZipFile(Path(__file__).parent) as archive:
        dag = _build(Submission.model_validate_json(archive.read(CONFIG)))
