"""The driver DAGs, imported by Airflow's own loader, and their task with a real process in the place of run.py."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
DAGS = ROOT / "infra" / "airflow" / "dags"
PROBE = Path(__file__).with_name("dag_probe.py")
TRAIN, DEPLOY, MONITOR = (
    "health_predict_training_hpo",
    "health_predict_api_deployment",
    "health_predict_monitoring_retraining",
)
pytestmark = pytest.mark.stack

RUN = """
import json, os, pathlib, subprocess, sys, time
arguments = dict(word.lstrip("-").partition("=")[::2] for word in sys.argv[1:])
print("hello from run.py", os.getcwd())
print("a warning on stderr", file=sys.stderr)
wanted = json.loads(os.environ["HEALTH_PREDICT_WANTED"])
if wanted.get("sleep"):
    child = subprocess.Popen(["sleep", "60"])
    pathlib.Path("pids").write_text(f"{os.getpid()} {child.pid}")
    time.sleep(60)
if "result" in wanted:
    told = {"argv": sys.argv[1:], "environment": dict(os.environ), **wanted["result"]}
    pathlib.Path(arguments["result"]).write_text(json.dumps(told))
for line in wanted.get("lines", ()):
    print(line)
sys.exit(wanted["code"])
"""


class Airflow:
    """A task's process: Airflow's environment with its password, and a project whose run.py does as it is told."""

    def __init__(self, folder: Path, probe: "subprocess.Popen[str]") -> None:
        self.folder, self.probe = folder, probe
        self.log: list[str] = []
        self.project = folder / "project"
        (self.project / ".state" / "zenml").mkdir(parents=True)
        (self.project / "run.py").write_text(RUN)
        config = {"store": {"type": "sql", "url": "sqlite:////somewhere/zenml.db"}}
        (self.project / ".state" / "zenml" / "config.yaml").write_text(yaml.safe_dump(config))

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        return kept | {
            "AIRFLOW_HOME": str(self.folder / "airflow"),
            "AIRFLOW__CORE__FERNET_KEY": "CANARY",
            "PYTHONPATH": "/of/airflow",
            "HEALTH_PREDICT_PROJECT": str(self.project),
            "HEALTH_PREDICT_PYTHON": sys.executable,
            "HEALTH_PREDICT_PREPARED_FOR": "/another",
        }

    def question(self, dag: str | None, conf: Any = None, wanted: Any = None, **variables: str) -> str:
        """One line for the probe."""
        told = {"HEALTH_PREDICT_WANTED": json.dumps(wanted)}
        return json.dumps({"dag": dag, "conf": conf, "environment": {**self.environment, **told, **variables}}) + "\n"

    def ask(self, dag: str | None, *what: Any, **variables: str) -> dict[str, Any]:
        self.log = []
        self.probe.stdin.write(self.question(dag, *what, **variables))
        self.probe.stdin.flush()
        for line in self.probe.stdout:
            if line.startswith("@"):
                return json.loads(line[1:])
            self.log.append(line)
        pytest.fail("".join(self.log))


def start_probe(folder: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [ROOT / ".venv-services" / "bin" / "python", PROBE, DAGS],
        env={"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1", "AIRFLOW_HOME": str(folder)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.fixture(scope="module")
def probe(tmp_path_factory: pytest.TempPathFactory) -> Iterator["subprocess.Popen[str]"]:
    """One process for many questions: importing Airflow takes three seconds."""
    process = start_probe(tmp_path_factory.mktemp("airflow"))
    yield process
    process.communicate(timeout=30)


@pytest.fixture
def airflow(tmp_path: Path, probe: "subprocess.Popen[str]") -> Airflow:
    return Airflow(tmp_path, probe)


@pytest.fixture
def described(airflow: Airflow) -> dict[str, Any]:
    return airflow.ask(None)


def test_three_dags_are_loaded_without_an_error_and_nothing_else_is_taken_for_one(described: dict[str, Any]) -> None:
    assert described["import_errors"] == {}
    assert set(described["dags"]) == {TRAIN, DEPLOY, MONITOR}
    assert described["files"] == sorted(f"{name}.py" for name in described["dags"])


def test_monitoring_alone_is_scheduled_and_none_overlaps_itself(described: dict[str, Any]) -> None:
    schedules = {name: dag["schedule"] for name, dag in described["dags"].items()}
    assert schedules == {TRAIN: None, DEPLOY: None, MONITOR: "0 0 * * *"}
    for dag in described["dags"].values():
        assert (dag["catchup"], dag["max_active_runs"], dag["paused"]) == (False, 1, False)
        assert dag["tags"] == ["health_predict"]
        assert "XCom" in dag["doc"]
        ((_, retries),) = dag["tasks"]
        assert retries == 0


@pytest.mark.parametrize(("schedule", "expected"), [("", None), ("@hourly", "0 * * * *"), ("5 4 * * *", "5 4 * * *")])
def test_schedule_comes_from_the_environment(airflow: Airflow, schedule: str, expected: str | None) -> None:
    told = airflow.ask(None, HEALTH_PREDICT_MONITOR_SCHEDULE=schedule)
    assert told["dags"][MONITOR]["schedule"] == expected


def test_every_parameter_has_what_the_trigger_form_shows(described: dict[str, Any]) -> None:
    names = {name: set(dag["params"]) for name, dag in described["dags"].items()}
    assert names[TRAIN] == {"config", "target", "trials", "seed", "data"}
    assert names[DEPLOY] == {"model_version"}
    assert names[MONITOR] == {"batches", "batch_size", "label_delay", "inject", "force_retrain", "data"}
    for dag in described["dags"].values():
        for name, parameter in dag["params"].items():
            assert parameter["description"], name
            assert {"type", "title"} <= set(parameter["schema"]), name
    assert described["dags"][TRAIN]["params"]["target"]["schema"]["enum"] == ["any", "within_30_days"]


@pytest.mark.parametrize(
    ("dag", "conf", "expected"),
    [
        (TRAIN, {}, ["--pipeline=train", "--config=quick", "--target=any"]),
        (
            TRAIN,
            {"config": "/a b.yaml", "target": "within_30_days", "trials": 4, "seed": 0, "data": "s3://b/k; rm -rf /"},
            [
                "--pipeline=train",
                "--config=/a b.yaml",
                "--target=within_30_days",
                "--data=s3://b/k; rm -rf /",
                "--set=search.trials=4",
                "--set=seed=0",
            ],
        ),
        (DEPLOY, {}, ["--pipeline=deploy"]),
        (DEPLOY, {"model_version": "12"}, ["--pipeline=deploy", "--model-version=12"]),
        (MONITOR, {}, ["--pipeline=monitor", "--batches=1"]),
        (
            MONITOR,
            {"batches": "all", "batch_size": 500, "label_delay": 0, "inject": "age:0.5", "force_retrain": True},
            [
                "--pipeline=monitor",
                "--batches=all",
                "--batch-size=500",
                "--label-delay=0",
                "--inject=age:0.5",
                "--force-retrain",
            ],
        ),
    ],
)
def test_parameters_become_arguments_of_run_py(airflow: Airflow, dag: str, conf: Any, expected: list[str]) -> None:
    told = airflow.ask(dag, conf, {"code": 0, "result": {}})["xcom"]
    assert told["argv"][:-2] == expected
    assert told["argv"][-2] == "--stack=airflow"
    assert told["argv"][-1].startswith("--result=/")


def test_they_are_options_that_run_py_has() -> None:
    from run import main

    known = {option for parameter in main.params for option in parameter.opts}
    text = "".join(path.read_text() for path in DAGS.rglob("*.py"))
    used = set(re.findall(r'"(--[a-z-]+)', text)) | {"--stack", "--result"}
    assert used >= {"--pipeline", "--batch-size", "--model-version"}
    assert used <= known


@pytest.mark.parametrize(
    ("dag", "conf"),
    [
        (TRAIN, {"target": "someday"}),
        (TRAIN, {"trials": 0}),
        (TRAIN, {"config": ""}),
        (DEPLOY, {"model_version": "champion"}),
        (MONITOR, {"batches": "none"}),
        (MONITOR, {"inject": "--data"}),
        (MONITOR, {"force_retrain": "yes"}),
    ],
)
def test_a_bad_parameter_is_refused_by_airflow(airflow: Airflow, dag: str, conf: dict[str, Any]) -> None:
    assert airflow.ask(dag, conf, {"code": 0, "result": {}})["failed"] == "ParamValidationError"


@pytest.mark.parametrize("code", [0, 3, 4])
def test_a_result_is_the_xcom_whatever_it_says(airflow: Airflow, code: int) -> None:
    told = airflow.ask(MONITOR, {}, {"code": code, "result": {"verdict": "DRIFT_DETECTED"}})
    assert told["xcom"]["verdict"] == "DRIFT_DETECTED"


def test_the_end_of_the_stream_is_a_success_without_verdict(airflow: Airflow) -> None:
    told = airflow.ask(MONITOR, {}, {"code": 0, "result": {"verdict": None, "ended": True}})
    assert (told["xcom"]["verdict"], told["xcom"]["ended"]) == (None, True)


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"code": 2, "lines": ["error: no champion", "bye"]}, "no champion (bad input)"),
        ({"code": 5, "lines": ["error: MLflow is down"]}, "MLflow is down (infrastructure unreachable)"),
        ({"code": 1, "lines": ["error: unexpected KeyError"]}, "unexpected KeyError (exit code 1)"),
        ({"code": 7}, "a warning on stderr (exit code 7)"),
        ({"code": 0}, "run.py ended with exit code 0 and left no result; a warning on stderr"),
    ],
)
def test_a_failure_says_its_last_line(airflow: Airflow, wanted: dict[str, Any], message: str) -> None:
    told = airflow.ask(TRAIN, {}, wanted)
    assert told["failed"] == "AirflowFailException"
    assert told["message"] == message


def test_lines_of_run_py_stand_in_the_tasks_log(airflow: Airflow) -> None:
    airflow.ask(MONITOR, {}, {"code": 0, "result": {}, "lines": ["batch 0 | NO_DRIFT"]})
    output = "".join(airflow.log)
    for line in (f"hello from run.py {airflow.project}", "a warning on stderr", "batch 0 | NO_DRIFT", "--batches=1"):
        assert line in output


def test_run_py_gets_the_projects_environment_and_not_airflows(airflow: Airflow) -> None:
    seen = airflow.ask(MONITOR, {}, {"code": 0, "result": {}}, AWS_ACCESS_KEY_ID="k")["xcom"]["environment"]
    assert not [name for name in seen if name.startswith("AIRFLOW") or name == "PYTHONPATH"]
    assert "CANARY" not in json.dumps(seen)
    assert "HEALTH_PREDICT_PREPARED_FOR" not in seen
    assert seen["AWS_ACCESS_KEY_ID"] == "k"
    assert seen["HEALTH_PREDICT_STATE"] == str(airflow.project / ".state")
    assert seen["ZENML_STORE_URL"] == "sqlite:////somewhere/zenml.db"
    assert seen["ZENML_LOCAL_STORES_PATH"] == str(airflow.project / ".state" / "zenml" / "local_stores")
    assert not Path(seen["ZENML_CONFIG_PATH"]).is_relative_to(airflow.project)
    assert not Path(seen["ZENML_CONFIG_PATH"]).parent.exists()


def test_a_zenml_server_is_taken_from_its_credentials_file(airflow: Airflow) -> None:
    file = airflow.folder / "zenml.env"
    file.write_text("# a server\nZENML_STORE_URL=https://zenml.example\nZENML_STORE_API_KEY=k=1\nOTHER=1\n")
    seen = airflow.ask(MONITOR, {}, {"code": 0, "result": {}}, HEALTH_PREDICT_ZENML_CREDENTIALS=str(file))
    environment = seen["xcom"]["environment"]
    assert environment["ZENML_STORE_URL"] == "https://zenml.example"
    assert environment["ZENML_STORE_API_KEY"] == "k=1"
    assert "OTHER" not in environment


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"HEALTH_PREDICT_PYTHON": ""}, ("HEALTH_PREDICT_PYTHON is not set", "make services-up")),
        ({"HEALTH_PREDICT_PROJECT": "/gone"}, ("HEALTH_PREDICT_PROJECT names /gone, which is not there",)),
        ({"HEALTH_PREDICT_STATE": "/new"}, ("/new/zenml/config.yaml: no ZenML store", "stacks.apply airflow")),
        ({"HEALTH_PREDICT_ZENML_CREDENTIALS": "/gone.env"}, ("/gone.env cannot be read (FileNotFoundError)",)),
    ],
)
def test_what_is_missing_in_airflows_environment_is_named(airflow: Airflow, variables: Any, words: Any) -> None:
    told = airflow.ask(MONITOR, {}, {"code": 0, "result": {}}, **variables)
    assert told["failed"] == "AirflowFailException"
    for word in words:
        assert word in told["message"]


def test_a_stopped_task_ends_run_py_and_what_it_started(airflow: Airflow) -> None:
    task = start_probe(airflow.folder)
    task.stdin.write(airflow.question(MONITOR, {}, {"code": 0, "sleep": True}))
    task.stdin.flush()
    pids = airflow.project / "pids"
    until(lambda: pids.exists() and len(pids.read_text().split()) == 2)
    task.send_signal(signal.SIGTERM)
    output, _ = task.communicate(timeout=30)
    assert json.loads(output.splitlines()[-1][1:])["message"].startswith("run.py was ended by SIGTERM; its last")
    until(lambda: not any(alive(int(pid)) for pid in pids.read_text().split()), 5)


def until(holds: Any, patience: float = 60) -> None:
    end = time.monotonic() + patience
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)


def alive(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    try:
        return stat.read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
