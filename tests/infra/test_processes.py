"""What the process manager is told, without starting it; tests/stack starts the real services."""

import configparser
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from health_predict.errors import InfrastructureError, InputError
from infra.processes import postgres, start
from infra.processes.airflow_settings import prepare_airflow
from infra.processes.left_behind import end_left_behind
from infra.processes.place import Place, basic_environment
from infra.processes.ports import refuse_taken_ports
from infra.processes.program import Program
from infra.processes.programs import prepare_mlflow, programs
from infra.processes.start import ailment
from infra.processes.supervision import ProcessState, Supervisor
from infra.service_secrets import prepare_secrets
from infra.service_settings import addresses, read_settings, write_addresses
from infra.services import choose
from stacks.value_file import read_values

RUNS = ProcessState("RUNNING", 7, 0, 3)


@pytest.fixture
def place(tmp_path: Path, monkeypatch) -> Place:
    monkeypatch.setenv("HEALTH_PREDICT_STATE", str(tmp_path))
    settings = read_settings({})
    made = Place(settings, prepare_secrets(settings, {}))
    for folder in (made.run, made.logs):
        folder.mkdir()
    return made


def _sections(place: Place) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser()
    parser.read_string(Supervisor(place)._content(programs(place)))
    return parser


def test_no_secret_is_on_a_command_line_or_shown(place: Place) -> None:
    for program in programs(place):
        for name, secret in place.secrets.items():
            assert not any(secret in part for part in program.command), f"{name} on the command line of {program.name}"
            assert secret not in repr(program)
    assert place.secrets["POSTGRES_PASSWORD"] not in repr(place)


def test_every_program_comes_after_those_it_needs(place: Place) -> None:
    seen: set[str] = set()
    for program in programs(place):
        assert seen.issuperset(program.after), program.name
        seen.add(program.name)
    order = [name for name in _sections(place).sections() if name.startswith("program:")]
    priorities = [int(_sections(place)[name]["priority"]) for name in order]
    assert priorities == sorted(set(priorities)), "supervisord ends them in the reverse order of their priority"


def test_everything_listens_on_this_machine_alone(place: Place) -> None:
    by_name = {program.name: program for program in programs(place)}
    assert "listen_addresses=127.0.0.1" in by_name["postgres"].command
    assert "127.0.0.1:9000" in by_name["s3"].command
    command = by_name["mlflow"].command
    assert command[command.index("--host") + 1] == "127.0.0.1"
    assert command[command.index("--allowed-hosts") + 1] == "127.0.0.1:5000,localhost:5000"
    assert by_name["airflow-api"].environment["AIRFLOW__API__HOST"] == "127.0.0.1"
    assert "--skip-serve-logs" in by_name["airflow-scheduler"].command


def test_an_s3_service_elsewhere_is_not_started(place: Place) -> None:
    elsewhere = read_settings({"HEALTH_PREDICT_S3_ENDPOINT": "https://s3.example"})
    table = programs(Place(elsewhere, place.secrets))
    assert "s3" not in {program.name for program in table}
    mlflow = next(program for program in table if program.name == "mlflow")
    assert (mlflow.after, mlflow.environment["MLFLOW_S3_ENDPOINT_URL"]) == (("postgres",), "https://s3.example")


def test_programs_get_nothing_else_of_the_callers_environment() -> None:
    caller = {"AWS_SECRET_ACCESS_KEY": "x", "PYTHONPATH": "/y", "HOME": "/home/me", "https_proxy": "http://p:1"}
    told = basic_environment(caller)
    assert not {"AWS_SECRET_ACCESS_KEY", "PYTHONPATH"} & told.keys()
    assert (told["HOME"], told["https_proxy"], told["PATH"]) == (
        "/home/me",
        "http://p:1",
        "/usr/local/bin:/usr/bin:/bin",
    )


def test_the_program_file_survives_percent_signs_and_refuses_quotes(place: Place) -> None:
    percent = Program("one", ("/bin/echo", "50% of"), check=str, environment={"A": "b%c,d"})
    content = Supervisor(place)._content([percent])
    assert 'command="/bin/echo" "50%% of"' in content
    assert 'environment=A="b%%c,d"' in content
    with pytest.raises(InputError, match=r"^A: holds a quote") as caught:
        Supervisor(place)._content([Program("one", ("x",), check=str, environment={"A": 'hunter"2'})])
    assert "hunter" not in str(caught.value)


def test_files_with_passwords_are_their_owners(place: Place, monkeypatch) -> None:
    prepare_airflow(place)
    prepare_mlflow(place)
    for name in ("airflow-passwords.json", "mlflow-auth.ini"):
        assert (place.run / name).stat().st_mode & 0o777 == 0o600
    ini = configparser.RawConfigParser()
    ini.read(place.run / "mlflow-auth.ini")
    assert ini["mlflow"]["admin_password"] == place.secrets["MLFLOW_ADMIN_PASSWORD"]
    assert ini["mlflow"]["default_permission"] == "NO_PERMISSIONS"
    assert (place.settings.dags / "health_predict_training_hpo.py").exists()


def test_clients_are_told_no_secret(place: Place) -> None:
    write_addresses(place.settings)
    assert read_values(place.settings.addresses) == addresses(place.settings)
    assert not set(place.secrets.values()) & set(addresses(place.settings).values())


def test_a_taken_port_is_named_with_its_holder_and_its_variable() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        program = Program("mlflow", ("x",), check=str, port=(port, "HEALTH_PREDICT_MLFLOW_PORT"))
        with pytest.raises(InfrastructureError) as caught:
            refuse_taken_ports([program])
    holder = f"{psutil.Process().name()} (process {os.getpid()})"
    cure = "end that, or set HEALTH_PREDICT_MLFLOW_PORT to a free port"
    assert str(caught.value) == f"mlflow: port {port} is taken by {holder}; {cure}"
    refuse_taken_ports([program])


def test_a_folder_that_postgres_cannot_enter_is_named(place: Place, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(postgres, "_enters", lambda folder: folder != tmp_path)
    monkeypatch.setattr(postgres, "postgres_user", lambda: "postgres")
    monkeypatch.setattr(postgres, "_give", lambda path: None)
    with pytest.raises(InfrastructureError, match=f"^{tmp_path} cannot be entered by the user postgres.*chmod o\\+x"):
        postgres.create_cluster(place)


@pytest.mark.parametrize("fails", [False, True])
def test_postgres_is_installed_without_a_cluster_of_its_own(tmp_path: Path, monkeypatch, fails: bool) -> None:
    setting = tmp_path / "createcluster.d" / "health-predict.conf"
    apt = tmp_path / "apt-get"
    apt.write_text(
        f'#!/bin/sh\necho "$1: $(cat {setting})" >> {tmp_path}/calls\necho "E: no network" >&2; exit {int(fails)}\n'
    )
    apt.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(postgres, "_BINARIES", tmp_path / "none")
    monkeypatch.setattr(postgres, "_NO_CLUSTER", setting)
    monkeypatch.setattr(postgres.os, "geteuid", lambda: 0)
    if fails:
        with pytest.raises(InfrastructureError, match=r"^postgresql-15: apt-get update failed: E: no network$"):
            postgres.install_postgres()
    else:
        assert postgres.install_postgres()
        made = "create_main_cluster = false"
        assert (tmp_path / "calls").read_text().splitlines() == [f"update: {made}", f"install: {made}"]
    assert not setting.exists()


def test_without_root_the_package_is_named(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(postgres, "_BINARIES", tmp_path)
    monkeypatch.setattr(postgres.os, "geteuid", lambda: 1000)
    with pytest.raises(InfrastructureError, match=r"install postgresql-15$"):
        postgres.install_postgres()


def test_other_ports_under_running_services_are_refused(place: Place) -> None:
    write_addresses(place.settings)
    start._refuse_other_addresses(place.settings)
    with pytest.raises(InputError, match="run: make services-down"):
        start._refuse_other_addresses(read_settings({"HEALTH_PREDICT_MLFLOW_PORT": "5001"}))


@pytest.mark.parametrize(
    ("state", "once", "says", "reason"),
    [
        (RUNS, False, "", ""),
        (RUNS, False, "refuses", "refuses"),
        (ProcessState("BACKOFF", 0, 1, 0), False, "", "backoff"),
        (ProcessState("EXITED", 0, 0, 0), True, "never asked", ""),
        (ProcessState("EXITED", 0, 3, 0), True, "", "exited, exit code 3"),
        (ProcessState("RUNNING", 7, 0, 0), True, "", "running, exit code 0"),
    ],
)
def test_health_is_that_it_runs_and_that_it_answers(state: ProcessState, once: bool, says: str, reason: str) -> None:
    assert ailment(Program("one", ("x",), check=lambda: says, once=once), state) == reason


@pytest.fixture
def orphan(place: Place) -> Iterator[psutil.Process]:
    """A program whose supervisord, the leader of its session, is gone."""
    script = "import subprocess, sys; print(subprocess.Popen(['sleep', '60'], stdout=subprocess.DEVNULL).pid)"
    leader = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, start_new_session=True, text=True)
    pid = int(leader.communicate(timeout=30)[0])
    (place.run / "supervisord.pid").write_text(f"{leader.pid}\n")
    process = psutil.Process(pid)
    yield process
    if process.is_running():
        process.kill()


def test_what_outlived_a_killed_supervisord_is_ended(place: Place, orphan: psutil.Process) -> None:
    said: list[str] = []
    assert end_left_behind(place, said.append)
    assert said == ["ending 1 processes that outlived their supervisord"]
    assert not orphan.is_running() or orphan.status() == psutil.STATUS_ZOMBIE


def test_nothing_is_ended_for_a_number_from_before_the_last_boot(place: Place, orphan: psutil.Process) -> None:
    long_ago = psutil.boot_time() - 3600
    os.utime(place.run / "supervisord.pid", (long_ago, long_ago))
    assert not end_left_behind(place, print)
    time.sleep(0.1)
    assert orphan.is_running()


@pytest.mark.parametrize(
    ("asked", "before", "docker", "chosen"),
    [
        ("compose", "processes", False, "compose"),
        ("auto", "processes", True, "processes"),
        ("auto", "", True, "compose"),
        ("auto", "", False, "processes"),
        ("auto", "nonsense", False, "processes"),
    ],
)
def test_the_way_is_asked_for_or_as_before_or_what_there_is(
    tmp_path: Path, asked: str, before: str, docker: bool, chosen: str
) -> None:
    remembered = tmp_path / "way"
    if before:
        remembered.write_text(f"{before}\n")
    assert choose(asked, remembered, lambda: docker) == chosen
