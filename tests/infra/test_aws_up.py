"""make aws-up, aws-down and aws-status with stand-ins for AWS; the tunnels are real listeners on free ports."""

import os
import re
import socket
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from stacks.environment import PROJECT
from stacks.value_file import read_values
from tests.infra.stand_ins import StandIns

pytestmark = pytest.mark.infra

FOLDER = PROJECT / "infra" / "aws"
TOOLS = ("basename", "cat", "dirname", "grep", "jq", "mkdir", "rm", "sed", "seq", "setsid", "tail", "touch")
ID = "i-0123456789abcdef0"
# the machine's state is a file; a command that was sent ends as the file `command` says
AWS = """
case "$*" in
  *describe-instances*) cat "$here/state" ;;
  *describe-instance-information*) echo Online ;;
  *start-instances*) echo running > "$here/state" ;;
  *stop-instances*) echo stopping > "$here/state" ;;
  *"wait instance-stopped"*) echo stopped > "$here/state" ;;
  *send-command*) echo c-1 ;;
  *get-command-invocation*Status) cat "$here/command" ;;
  *get-command-invocation*StandardErrorContent) echo "the last line" ;;
  *get-command-invocation*) echo "units        ok" ;;
  *start-session*AWS-StartPortForwardingSession*) exec "$here/listen" "$@" ;;
esac
"""
LISTEN = f"""#!{sys.executable}
import re, socket, sys, time
port = int(re.search(r"localPortNumber=(\\d+)", " ".join(sys.argv))[1])
with socket.create_server(("127.0.0.1", port)):
    time.sleep(60)
"""


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


@pytest.fixture
def laptop(tmp_path: Path) -> Iterator[StandIns]:
    """The scripts in a project of their own, with free ports in place of the services'."""
    scripts = tmp_path / "project" / "infra" / "aws"
    scripts.mkdir(parents=True)
    for name in ("up.sh", "status.sh", "machine.sh"):
        text = (FOLDER / name).read_text()
        (scripts / name).write_text(_with_free_ports(text) if name == "machine.sh" else text)
    (tmp_path / "bin").mkdir()
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "aws.env").write_text(f"HEALTH_PREDICT_REGION=us-east-1\nHEALTH_PREDICT_INSTANCE_ID={ID}\n")
    laptop = StandIns(tmp_path / "bin", {"HEALTH_PREDICT_STATE": str(tmp_path / "state")}).real(*TOOLS)
    laptop.tool("aws", AWS).tool("session-manager-plugin").tool("sleep", "exec /bin/sleep 0.05")
    (laptop.folder / "listen").write_text(LISTEN)
    (laptop.folder / "listen").chmod(0o755)
    (laptop.folder / "state").write_text("stopped\n")
    (laptop.folder / "command").write_text("Success\n")
    yield laptop
    for file in (tmp_path / "state").glob("aws/tunnels/*.pid"):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(int(file.read_text()), 15)


def _with_free_ports(text: str) -> str:
    ports = iter(free_ports(5))
    return re.sub(r"(?<=[a-z]:)\d{4,5}\b(?=[ )])", lambda _: str(next(ports)), text)


def script(laptop: StandIns, name: str) -> Path:
    return laptop.folder.parent / "project" / "infra" / "aws" / name


def up(laptop: StandIns, *arguments: str) -> tuple[int, str, str]:
    done = laptop.run(script(laptop, "up.sh"), *arguments)
    return done.returncode, done.stdout, done.stderr


def tunnels(output: str) -> dict[str, int]:
    return {name: int(port) for name, port in re.findall(r"(\w+) +http://127\.0\.0\.1:(\d+)", output)}


def test_a_stopped_machine_is_started_and_its_services_are_reached(laptop: StandIns) -> None:
    code, output, errors = up(laptop)
    assert (code, errors) == (0, "")
    assert set(tunnels(output)) == {"airflow", "mlflow", "zenml", "ingress"}
    for port in tunnels(output).values():
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    calls = laptop.calls()
    assert [call for call in calls if "start-instances" in call]
    assert [call for call in calls if "send-command" in call and "systemctl" in call]
    assert all("us-east-1" in call for call in calls if call.startswith("aws"))


def test_it_can_be_repeated(laptop: StandIns) -> None:
    _, first, _ = up(laptop)
    laptop.calls()
    code, second, _ = up(laptop)
    assert (code, tunnels(second)) == (0, tunnels(first))
    assert not [call for call in laptop.calls() if "start-instances" in call or "PortForwarding" in call]


def test_closing_ends_the_tunnels_and_leaves_the_machine(laptop: StandIns) -> None:
    ports = tunnels(up(laptop)[1])
    laptop.calls()
    assert up(laptop, "--close")[:2] == (0, "tunnels: closed\n")
    assert not [call for call in laptop.calls() if call.startswith("aws")]
    for port in ports.values():
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), timeout=5)


def test_stopping_stops_the_machine_too(laptop: StandIns) -> None:
    (laptop.folder / "state").write_text("running\n")
    assert up(laptop, "--stop")[1].endswith(f"machine: {ID} stops\n")
    assert (laptop.folder / "state").read_text() == "stopping\n"


def test_a_machine_that_just_stops_is_awaited(laptop: StandIns) -> None:
    (laptop.folder / "state").write_text("stopping\n")
    assert up(laptop)[0] == 0
    calls = " ".join(laptop.calls())
    assert calls.index("instance-stopped") < calls.index("start-instances") < calls.index("instance-running")


def test_a_machine_that_is_gone_names_the_cure(laptop: StandIns) -> None:
    (laptop.folder / "state").write_text("terminated\n")
    assert up(laptop)[::2] == (5, f"error: {ID} is terminated; run: terraform -chdir=infra/terraform apply\n")


def test_a_failure_there_is_told_here(laptop: StandIns) -> None:
    (laptop.folder / "command").write_text("Failed\n")
    code, _, errors = up(laptop)
    assert code == 5
    assert "ended with Failed: the last line" in errors


def test_without_outputs_of_terraform_the_cure_is_named(laptop: StandIns) -> None:
    (Path(laptop.environment["HEALTH_PREDICT_STATE"]) / "aws.env").unlink()
    code, _, errors = up(laptop)
    assert (code, errors.endswith("aws.env is missing; run: make aws-env\n")) == (5, True)


@pytest.mark.parametrize("tool", ["aws", "session-manager-plugin", "jq"])
def test_a_missing_tool_is_named(laptop: StandIns, tool: str) -> None:
    (laptop.folder / tool).unlink()
    code, _, errors = up(laptop)
    assert (code, errors.startswith(f"error: {tool} is not installed")) == (5, True)


def test_a_taken_port_is_named(laptop: StandIns) -> None:
    (port,) = re.findall(r"airflow:(\d+)", script(laptop, "machine.sh").read_text())
    with socket.create_server(("127.0.0.1", int(port))):
        code, _, errors = up(laptop)
    assert (code, errors.startswith(f"error: port {port} of this machine is taken")) == (5, True)


def test_status_tells_of_machine_tunnels_and_what_the_machine_reports(laptop: StandIns) -> None:
    up(laptop)
    done = laptop.run(script(laptop, "status.sh"))
    assert (done.returncode, done.stderr) == (0, "")
    assert f"machine    {ID} running" in done.stdout
    assert set(tunnels(done.stdout)) == {"airflow", "mlflow", "zenml", "ingress"}
    assert "jupyter    closed" in done.stdout
    assert done.stdout.endswith("units        ok\n")


def test_status_of_a_stopped_machine_is_a_failure_with_its_cure(laptop: StandIns) -> None:
    done = laptop.run(script(laptop, "status.sh"))
    assert (done.returncode, done.stderr) == (5, "error: the machine does not run; start it: make aws-up\n")


def test_ports_are_those_that_the_services_have() -> None:
    named = dict(re.findall(r"(\w+):(\d+)", re.findall(r"PORTS=\((.*)\)", (FOLDER / "machine.sh").read_text())[0]))
    services = read_values(PROJECT / "infra" / "services.env")
    boot = (PROJECT / "infra" / "terraform" / "first_boot.sh.tftpl").read_text()
    moved = dict(re.findall(r"^(HEALTH_PREDICT_\w+_PORT)=(\d+)$", boot, re.MULTILINE))
    (ingress,) = re.findall(r"INGRESS_PORT=(\d+)", (PROJECT / "infra" / "minikube" / "cluster.sh").read_text())
    wanted = {name: (services | moved)[f"HEALTH_PREDICT_{name.upper()}_PORT"] for name in named if name != "ingress"}
    assert named == {**wanted, "ingress": ingress}
