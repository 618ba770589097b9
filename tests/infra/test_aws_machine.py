"""Scripts and units of the machine: what it reports and starts, and that names agree with the stack file."""

import json
import re
from configparser import RawConfigParser
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from infra.aws.outputs import VARIABLES
from stacks.environment import PROJECT
from tests.infra.stand_ins import StandIns

pytestmark = pytest.mark.infra

MACHINE = PROJECT / "infra" / "aws" / "machine"
UNITS = sorted([*MACHINE.glob("*.service"), *MACHINE.glob("*.timer")])
BOOT = (PROJECT / "infra" / "terraform" / "first_boot.sh.tftpl").read_text()
SETUP = (MACHINE / "setup.sh").read_text()
STACK = (PROJECT / "stacks" / "aws.yaml").read_text()
DOCKER = """
case "$*" in
  *health=unhealthy*) cat "$here/ill" 2> /dev/null || true ;;
  ps*) echo 0123456789ab ;;
  image*) echo sha256:kicbase ;;
  run*) exit "$(cat "$here/curl-ended")" ;;
esac
"""


@pytest.fixture
def machine(tmp_path: Path) -> StandIns:
    (tmp_path / "bin").mkdir()
    (tmp_path / "aws").mkdir()
    soon = (datetime.now(UTC) + timedelta(hours=6)).isoformat()
    (tmp_path / "aws" / "credentials.json").write_text(json.dumps({"Expiration": soon}))
    (tmp_path / "bin" / "curl-ended").write_text("28")
    machine = StandIns(tmp_path / "bin", {"HEALTH_PREDICT_AWS_FOLDER": str(tmp_path / "aws")})
    machine.real("cat", "date", "head", "jq", "tail")
    return machine.tool("docker", DOCKER).tool("kubectl").tool("systemctl")


def test_a_machine_that_is_well_says_so(machine: StandIns) -> None:
    done = machine.run(MACHINE / "report.sh")
    assert (done.returncode, done.stderr) == (0, "")
    lines = dict(line.split(maxsplit=1) for line in done.stdout.splitlines())
    checks = {"units", "containers", "cluster", "seldon", "pull-secret", "credentials", "metadata"}
    assert lines == dict.fromkeys(checks, "ok")


@pytest.mark.parametrize(
    ("ended", "said"),
    [("0", "a container got a token of the metadata service"), ("125", "not tried: docker run ended with 125")],
)
def test_a_container_that_reaches_the_metadata_service_is_told(machine: StandIns, ended: str, said: str) -> None:
    (machine.folder / "curl-ended").write_text(ended)
    done = machine.run(MACHINE / "report.sh")
    assert (done.returncode, f"metadata     NOT: {said}" in done.stdout) == (1, True)


def test_what_is_ill_is_named_and_the_rest_is_still_told(machine: StandIns) -> None:
    (machine.folder / "ill").write_text("health-predict-mlflow-1\n")
    machine.tool("systemctl", "echo failed; exit 3")
    done = machine.run(MACHINE / "report.sh")
    assert done.returncode == 1
    assert "containers   NOT: unhealthy: health-predict-mlflow-1" in done.stdout
    assert "units        NOT: failed" in done.stdout
    assert "cluster      ok" in done.stdout


def test_credentials_that_ended_are_told(machine: StandIns) -> None:
    file = Path(machine.environment["HEALTH_PREDICT_AWS_FOLDER"]) / "credentials.json"
    file.write_text(json.dumps({"Expiration": "2020-01-01T00:00:00Z"}))
    done = machine.run(MACHINE / "report.sh")
    assert (done.returncode, "credentials  NOT: they ended at 2020" in done.stdout) == (1, True)


@pytest.mark.parametrize(("kib", "memory"), [(7_946_000, "4g"), (16_084_000, "8g"), (65_000_000, "8g")])
def test_the_cluster_gets_half_of_the_memory(machine: StandIns, tmp_path: Path, kib: int, memory: str) -> None:
    project = tmp_path / "project"
    for folder in ("infra/aws/machine", "infra/minikube", ".venv/bin", "state/services"):
        (project / folder).mkdir(parents=True)
    script = project / "infra" / "aws" / "machine" / "start.sh"
    script.write_text((MACHINE / "start.sh").read_text())
    (project / "state" / "services" / "zenml.env").write_text("ZENML_STORE_URL=http://127.0.0.1:8237\n")
    (tmp_path / "meminfo").write_text(f"MemTotal:       {kib} kB\nMemFree:        1 kB\n")
    machine.real("dirname", "sed").tool("nproc", "echo 4").tool("make")
    recorder = '#!/bin/bash\necho "$0 $* $MINIKUBE_MEMORY $MINIKUBE_CPUS $ZENML_STORE_URL" >> "$HOME/calls"\n'
    for name in ("infra/minikube/up.sh", ".venv/bin/python"):
        (project / name).write_text(recorder)
        (project / name).chmod(0o755)
    settings = {"HEALTH_PREDICT_MEMINFO": str(tmp_path / "meminfo"), "HEALTH_PREDICT_STATE": str(project / "state")}
    done = machine.run(script, **settings)
    assert (done.returncode, done.stderr) == (0, "")
    calls = machine.calls()
    (cluster,) = [call for call in calls if "minikube/up.sh" in call]
    assert cluster.endswith(f"up.sh --no-smoke {memory} 4 ")
    order = [
        next(at for at, call in enumerate(calls) if word in call) for word in ("make", "up.sh", "stacks.apply aws")
    ]
    assert order == sorted(order)
    assert calls[-1].endswith("http://127.0.0.1:8237")  # the stack is applied to ZenML's server


def test_units_run_what_is_there_and_root_runs_nothing_that_others_can_write() -> None:
    for unit in UNITS:
        content = _unit(unit)
        if unit.suffix == ".timer":
            assert unit.with_suffix(".service") in UNITS
            continue
        command = content["Service"]["ExecStart"].split()[0]
        assert (MACHINE / Path(command).name).stat().st_mode & 0o111
        user = content["Service"].get("User", "root")
        root_owned = command.startswith("/usr/local/lib/health-predict/")
        assert root_owned if user == "root" else command.startswith("/opt/health-predict/")
        assert not root_owned or Path(command).name in SETUP


def test_every_unit_is_installed_and_enabled_or_timed() -> None:
    enabled = set(
        re.findall(r"health-predict[\w-]*\.(?:service|timer)", " ".join(re.findall(r"systemctl enable.*", SETUP)))
    )
    timed = {unit.with_suffix(".service").name for unit in UNITS if unit.suffix == ".timer"}
    assert {unit.name for unit in UNITS} - timed == enabled


def test_credentials_are_renewed_well_before_they_end() -> None:
    timer = _unit(MACHINE / "health-predict-credentials.timer")["Timer"]
    assert timer["OnUnitActiveSec"] == "15min"  # EC2 changes them hours before they end
    assert "OnBootSec" in timer


def test_the_machine_writes_each_variable_that_the_stack_file_takes_from_aws() -> None:
    (asked,) = re.findall(r"HEALTH_PREDICT_\(([A-Z_|]+)\)=", SETUP)
    written = {f"HEALTH_PREDICT_{name}" for name in asked.split("|")}
    assert written <= set(re.findall(r"^(HEALTH_PREDICT_\w+)=", BOOT, re.MULTILINE))
    needed = set(re.findall(r"\$\{(HEALTH_PREDICT_\w+)\}", STACK))  # those without a default
    assert needed <= written
    assert written <= {*VARIABLES, "HEALTH_PREDICT_REGISTRY_HOST"}


def test_numbers_of_user_and_group_are_the_same_everywhere() -> None:
    (user,) = re.findall(r"USER_ID=(\d+)", SETUP)
    (group,) = re.findall(r"groupadd --gid (\d+) docker", (MACHINE / "install-tools.sh").read_text())
    orchestrator = yaml.safe_load(STACK)["components"]["orchestrator"]["configuration"]
    compose = yaml.safe_load((PROJECT / "infra" / "aws" / "compose.yaml").read_text())
    assert orchestrator["operator_args"]["user"] == f"{user}:{group}"
    assert compose["services"]["airflow-scheduler"]["group_add"] == [group]


def test_the_guard_leaves_the_metadata_service_to_root(machine: StandIns) -> None:
    machine.tool("iptables", 'case "$*" in *--check*) [ -e "$here/there" ] ;; *) touch "$here/there" ;; esac').real(
        "touch"
    )
    for _ in range(2):
        assert machine.run(MACHINE / "metadata-guard.sh").returncode == 0
    inserted = [call for call in machine.calls() if "--insert" in call]
    assert len(inserted) == 1
    assert "OUTPUT --destination 169.254.169.254 --match owner \\! --uid-owner root --jump REJECT" in inserted[0]


def _unit(file: Path) -> RawConfigParser:
    content = RawConfigParser(strict=False)
    content.optionxform = str  # type: ignore[assignment,method-assign]
    content.read(file)
    return content
