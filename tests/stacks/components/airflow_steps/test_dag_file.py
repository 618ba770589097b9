"""What lies in the zip that Airflow reads, and what must not."""

import os
import subprocess
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from stacks.components.airflow_steps import dag
from stacks.components.airflow_steps.dag import Submission, Task, process_arguments
from stacks.components.airflow_steps.dag_file import dag_id_of, submitted, without_secrets, write

PROJECT = Path(__file__).resolve().parents[4]
AIRFLOW_PYTHON = PROJECT / ".venv-services/bin/python"
CANARY = "c4n4ry"
SECRETS = {
    "ZENML_STORE_API_TOKEN": CANARY,
    "ZENML_STORE_API_KEY": CANARY,
    "ZENML_SECRETS_STORE_ENCRYPTION_KEY": CANARY,
    "AWS_SECRET_ACCESS_KEY": CANARY,
    "S3_PASSWORD": CANARY,
    "client_secret": CANARY,
    "ZENML_STORE_URL": f"mysql://zenml:{CANARY}@db/zenml",
}
PLAIN = {"ZENML_ACTIVE_STACK_ID": "1", "ZENML_STORE_URL": "https://zenml.example:8237", "EMPTY": ""}
ENVIRON = {
    "HEALTH_PREDICT_PYTHON": "/venv/bin/python",
    "HEALTH_PREDICT_PROJECT": "/project",
    "HEALTH_PREDICT_STATE": "/state",
    "HEALTH_PREDICT_API_TOKEN": CANARY,
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": CANARY,
    "POSTGRES_PASSWORD": CANARY,
    "PATH": "/bin",
}


def submission(operator: str = "process", **further) -> Submission:
    tasks = [
        Task(name=name, upstream=upstream, arguments=["--step_name", name], environment=PLAIN, **further)
        for name, upstream in (("first", []), ("second", ["first"]))
    ]
    return Submission(
        dag_id="run-1",
        pipeline="p",
        snapshot_id="5",
        submitted_at=datetime(2026, 11, 26, tzinfo=UTC),
        operator=operator,
        tags=["own"],
        tasks=tasks,
    )


def test_no_secret_passes() -> None:
    assert without_secrets({**PLAIN, **SECRETS}).keys() == {"ZENML_ACTIVE_STACK_ID", "EMPTY"}
    assert without_secrets(PLAIN) == PLAIN


def test_the_file_holds_generator_and_configuration(tmp_path) -> None:
    path = write(submission(), tmp_path)
    assert path == tmp_path / "run-1.zip"
    assert [entry.name for entry in tmp_path.iterdir()] == ["run-1.zip"], "nothing half written is left"
    with zipfile.ZipFile(path) as archive:
        assert archive.read("dag.py") == Path(dag.__file__).read_bytes()
        told = archive.read("config.json").decode()
    assert Submission.model_validate_json(told) == submission()
    assert str(PROJECT) not in told
    assert "python" not in told


def test_a_folder_that_is_not_there_leaves_nothing(tmp_path) -> None:
    with pytest.raises(OSError, match="absent"):
        write(submission(), tmp_path / "absent")
    assert not list(tmp_path.iterdir())


def test_the_name_of_a_run_as_airflow_takes_it() -> None:
    assert dag_id_of("training-2026_11_26-01_02_03") == "training-2026_11_26-01_02_03"
    assert dag_id_of("a b/ü") == "a_b__"
    assert len(dag_id_of("x" * 999)) == 250


def test_other_files_are_not_taken_for_runs(tmp_path) -> None:
    first = write(submission(), tmp_path)
    os.utime(first, (1, 1))
    second = write(submission().model_copy(update={"dag_id": "run-2"}), tmp_path)
    (tmp_path / "broken.zip").write_text("no archive")
    with zipfile.ZipFile(tmp_path / "foreign.zip", "w") as archive:
        archive.writestr("dag.py", "")
    (tmp_path / "own_dag.py").write_text("")
    assert submitted(tmp_path) == [second, first]


def test_a_process_sees_nothing_of_airflow() -> None:
    arguments = process_arguments(submission().tasks[0], submission(), ENVIRON)
    assert arguments["append_env"] is False
    assert CANARY not in str(arguments)
    assert arguments["env"] == {
        **PLAIN,
        "HEALTH_PREDICT_PYTHON": "/venv/bin/python",
        "HEALTH_PREDICT_PROJECT": "/project",
        "HEALTH_PREDICT_STATE": "/state",
        "PATH": "/bin",
        "PYTHONPATH": "/project",
        "ZENML_AIRFLOW_RUN_ID": "{{ run_id }}",
    }


@pytest.mark.parametrize(
    ("code", "marked"), [("exit 0", False), ("exit 3", False), ("exit 1", True), ("kill -9 $$", True)]
)
def test_a_process_that_could_not_report_is_reported(tmp_path, code: str, marked: bool) -> None:
    python = tmp_path / "python"
    python.write_text(f"#!/bin/bash\ncase $2 in *mark_failed) echo $* >> {tmp_path}/marked;; *) {code};; esac\n")
    python.chmod(0o755)
    arguments = process_arguments(
        submission().tasks[0], submission(), {**ENVIRON, "HEALTH_PREDICT_PYTHON": str(python)}
    )
    subprocess.run(["bash", "-c", arguments["bash_command"]], cwd=tmp_path, check=False, capture_output=True)
    assert (tmp_path / "marked").exists() is marked
    if marked:
        assert (tmp_path / "marked").read_text().split()[2:4] == ["5", "first"]


READ = """
import sys
sys.path.insert(0, sys.argv[1])
import dag
d = dag.dag
print(d.dag_id, sorted(d.tags), d.schedule, [t.retries for t in d.tasks])
print({t.task_id: (type(t).__name__, sorted(t.upstream_task_ids)) for t in d.tasks})
print([getattr(t, "env", None) or t.environment for t in d.tasks])
print([getattr(t, "image", None) for t in d.tasks], [getattr(t, "mounts", None) for t in d.tasks])
"""


@pytest.mark.stack
@pytest.mark.parametrize("operator", ["process", "docker"])
def test_airflow_reads_the_file(tmp_path, operator: str) -> None:
    further = {"image": "registry/steps:1", "operator_args": {"network_mode": "host"}} if operator == "docker" else {}
    path = write(submission(operator, **further), tmp_path)
    environ = {
        **ENVIRON,
        "PATH": os.environ["PATH"],
        "AIRFLOW_HOME": str(tmp_path),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "sqlite://",
        "HEALTH_PREDICT_ZENML_CREDENTIALS": "/run/zenml.env",
    }
    command = [str(AIRFLOW_PYTHON), "-c", READ, str(path)]
    done = subprocess.run(command, env=environ, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    kind = {"process": "BashOperator", "docker": "DockerOperator"}[operator]
    lines = done.stdout.splitlines()[-4:]
    assert lines[0] == "run-1 ['health_predict', 'own', 'p'] @once [0, 0]"
    assert lines[1] == f"{{'first': ('{kind}', []), 'second': ('{kind}', ['first'])}}"
    assert CANARY not in done.stdout
    if operator == "docker":
        assert lines[3].startswith("['registry/steps:1', 'registry/steps:1']")
        assert "'HEALTH_PREDICT_ZENML_CREDENTIALS': '/run/secrets/health_predict_zenml'" in lines[2]
        assert "'ReadOnly': True" in lines[3]
