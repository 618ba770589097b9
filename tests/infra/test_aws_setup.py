"""The rest of the first boot, below a folder instead of /, with stand-ins for what changes a machine."""

import shutil
from pathlib import Path

import pytest

from stacks.environment import PROJECT
from stacks.value_file import read_values
from tests.infra.stand_ins import StandIns

pytestmark = pytest.mark.infra

MACHINE = PROJECT / "infra" / "aws" / "machine"
HOST = "000000000000.dkr.ecr.us-east-1.amazonaws.com"
SETTINGS = f"""HEALTH_PREDICT_REGION=us-east-1
HEALTH_PREDICT_BUCKET=the-bucket
HEALTH_PREDICT_REGISTRY={HOST}/health-predict
HEALTH_PREDICT_REGISTRY_HOST={HOST}
HEALTH_PREDICT_PROJECT_TAG=health-predict
HEALTH_PREDICT_ENVIRONMENT_TAG=prod
HEALTH_PREDICT_MLFLOW_PORT=5500
"""
FOLDERS = ("etc/health-predict", "etc/systemd/system", "usr/local/bin", "data")
# the user is there once it was made; its files get their folder, since there is no such user here
BODIES = {
    "getent": '[ -e "$here/made" ]',
    "id": '[ -e "$here/made" ]',
    "groupadd": "",
    "useradd": 'touch "$here/made"',
    "chown": "",
    "systemctl": "",
    "runuser": "",
    "install": """
kept=()
while [ $# -gt 0 ]; do case $1 in -o | -g) shift ;; *) kept+=("$1") ;; esac; shift; done
exec /usr/bin/install "${kept[@]}"
""",
    "python3": 'mkdir -p "$3/bin"; cp "$here/uv" "$3/bin/uv"; cp "$here/uv" "$3/bin/python"',
}
# in an environment uv and python are copies of this, so a call is written down beside them
UV = """#!/bin/bash
echo "${0##*/} $*" >> "$HEALTH_PREDICT_ROOT/uv-calls"
case "$*" in
  "python find"*) echo "$HEALTH_PREDICT_ROOT/opt/python/bin/python3.11" ;;
  venv*) mkdir -p "${!#}/bin"; touch "${!#}/bin/python"; chmod +x "${!#}/bin/python" ;;
esac
"""


@pytest.fixture
def machine(tmp_path: Path) -> StandIns:
    root, project = tmp_path / "root", tmp_path / "project"
    for folder in FOLDERS:
        (root / folder).mkdir(parents=True)
    (root / "etc" / "health-predict" / "machine.env").write_text(SETTINGS)
    shutil.copytree(MACHINE, project / "infra" / "aws" / "machine")
    (tmp_path / "bin").mkdir()
    machine = StandIns(tmp_path / "bin", {"HEALTH_PREDICT_ROOT": str(root)})
    machine.real("cat", "chmod", "cp", "dirname", "grep", "ln", "mkdir", "touch")
    for name, body in BODIES.items():
        machine.tool(name, body)
    (machine.folder / "uv").write_text(UV)
    (machine.folder / "uv").chmod(0o755)
    return machine


def run(machine: StandIns) -> Path:
    done = machine.run(machine.folder.parent / "project" / "infra" / "aws" / "machine" / "setup.sh")
    assert (done.returncode, done.stderr) == (0, "")
    return Path(machine.environment["HEALTH_PREDICT_ROOT"])


def test_it_leaves_a_machine_that_starts_by_itself(machine: StandIns) -> None:
    root = run(machine)
    assert {path.name for path in (root / "etc/systemd/system").iterdir()} == {
        path.name for path in MACHINE.iterdir() if path.suffix in (".service", ".timer")
    }
    scripts = root / "usr/local/lib/health-predict"
    assert {path.name for path in scripts.iterdir()} == {"credentials.sh", "metadata-guard.sh"}
    assert all(path.stat().st_mode & 0o111 for path in scripts.iterdir())
    calls = machine.calls()
    assert calls[-1] == "systemctl start --no-block health-predict.service"
    assert [call for call in calls if call.startswith("runuser") and call.endswith("make --no-print-directory setup")]


def test_the_stack_file_finds_its_variables(machine: StandIns) -> None:
    values = read_values(run(machine) / "data" / "state" / "aws.env")
    given = dict(line.split("=", 1) for line in SETTINGS.splitlines())
    assert values == {name: value for name, value in given.items() if name != "HEALTH_PREDICT_MLFLOW_PORT"}


def test_every_python_package_comes_by_its_hash(machine: StandIns) -> None:
    calls = (run(machine) / "uv-calls").read_text().splitlines()
    installs = [call for call in calls if " install " in call and "requirements" in call]
    assert len(installs) == 2
    assert all("--require-hashes" in call for call in installs)
    assert all((PROJECT / call.split()[-1]).exists() for call in installs)


def test_it_can_be_repeated(machine: StandIns) -> None:
    run(machine)
    first = machine.calls()
    run(machine)
    second = machine.calls()
    assert [call for call in first if call.startswith("useradd")]
    assert not [call for call in second if call.startswith(("useradd", "groupadd"))]
