"""The scripts of infra/minikube with recording stand-ins for minikube, kubectl, helm, docker and curl; no cluster."""

import re
import shutil
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from stacks.stack_file import PROJECT, STACKS
from tests.adapters.seldon_crd import problems, webhook_problems

FOLDER = PROJECT / "infra" / "minikube"
SCRIPTS = sorted(FOLDER.glob("*.sh"))
TOOLS = ("minikube", "kubectl", "helm", "docker", "curl")
# a stand-in writes down its call, fails as often as the file `<tool>.fail` says, and helm remembers descriptions
STAND_IN = """#!/bin/bash
tool=${0##*/}
here=${0%/*}
if [ $tool = helm ] && [ "$1" = status ]; then cat "$here/helm.$2" 2>/dev/null; exit; fi
if [ $tool = minikube ] && [ "$1" = status ]; then [ -e "$here/started" ]; exit; fi
echo "$tool $*" >> "$here/calls"
if [ $tool = minikube ] && [ "$1" = start ]; then touch "$here/started"; fi
if [ $tool = minikube ] && [ "$1" = delete ]; then rm -f "$here/started" "$here"/helm.*; fi
if [ $tool = helm ]; then
  release=$3
  while [ $# -gt 0 ]; do [ "$1" = --description ] && echo "description: $2" > "$here/helm.$release"; shift; done
fi
if [ $tool = docker ] && [ "$1 $2" = "image ls" ]; then echo 0123456789ab; fi
left=$(cat "$here/$tool.fail" 2>/dev/null || echo 0)
case "$*" in *dry-run=server*) [ "$left" -eq 0 ] || { echo $((left - 1)) > "$here/$tool.fail"; exit 1; } ;; esac
"""


@dataclass(frozen=True)
class Machine:
    """A PATH with the shell's own tools and stand-ins."""

    bin: Path

    def run(self, script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {"PATH": str(self.bin), "HOME": str(self.bin)}
        command = ["bash", str(FOLDER / script), *arguments]
        return subprocess.run(
            command, env=environment, cwd="/", capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL
        )

    def calls(self) -> list[str]:
        """The calls since the last time this was asked."""
        file = self.bin / "calls"
        made = file.read_text().splitlines() if file.exists() else []
        file.unlink(missing_ok=True)
        return made

    def without(self, tool: str) -> "Machine":
        (self.bin / tool).unlink()
        return self


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    for name in ("bash", "dirname", "sed", "cksum", "grep", "cat", "touch", "rm", "sort", "du"):
        (tmp_path / name).symlink_to(str(shutil.which(name)))
    for name in TOOLS:
        (tmp_path / name).write_text(STAND_IN)
        (tmp_path / name).chmod(0o755)
    (tmp_path / "sleep").symlink_to("/bin/true")
    return Machine(tmp_path)


def _pinned() -> dict[str, str]:
    return dict(re.findall(r"^readonly (\w+)=(\S+)", (FOLDER / "cluster.sh").read_text(), re.MULTILINE))


def _manifests(name: str) -> list[dict]:
    return list(yaml.safe_load_all((FOLDER / name).read_text()))


def test_scripts_are_free_of_what_shellcheck_finds() -> None:
    shellcheck = Path(sys.executable).with_name("shellcheck")
    done = subprocess.run([shellcheck, "-x", *SCRIPTS], cwd=FOLDER, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_scripts_parse(script: Path) -> None:
    assert subprocess.run(["bash", "-n", script], capture_output=True, text=True).stderr == ""


def test_every_version_stands_once_in_the_scripts() -> None:
    text = "\n".join(
        re.sub("#.*", "", path.read_text()) for path in FOLDER.iterdir() if path.suffix in (".sh", ".yaml")
    )
    found = re.findall(r"(?<![\d.])v?\d+\.\d+\.\d+(?![\d.])", text)  # no addresses
    versions = [value for name, value in _pinned().items() if name.endswith("_VERSION")]
    assert sorted(found) == sorted(versions)
    images = re.findall(r"image: (\S+)", text)
    assert images
    assert all(":" in image and not image.endswith(":latest") for image in images)


def test_names_and_ports_agree_with_manifests_and_stack() -> None:
    pinned = _pinned()
    configuration = yaml.safe_load((STACKS / "minikube.yaml").read_text())["components"]
    deployer = configuration["model_deployer"]["configuration"]
    assert deployer["kubernetes_context"].endswith(f":-{pinned['PROFILE']}}}")
    assert deployer["kubernetes_namespace"].endswith(f":-{pinned['NAMESPACE']}}}")
    assert deployer["base_url"].endswith(f":-http://127.0.0.1:{pinned['INGRESS_PORT']}}}")
    assert configuration["container_registry"]["configuration"]["uri"].endswith(
        f":-localhost:{pinned['REGISTRY_PORT']}}}"
    )
    nodes = [port.get("nodePort") for port in _manifests("ingress-values.yaml")[0]["service"]["ports"]]
    assert int(pinned["INGRESS_PORT"]) in nodes
    assert {item["metadata"]["namespace"] for item in _manifests("smoke-model.yaml")} == {pinned["NAMESPACE"]}
    assert _manifests("namespace.yaml")[0]["metadata"]["name"] == pinned["NAMESPACE"]
    (gateway,), (values,) = _manifests("seldon-gateway.yaml"), _manifests("seldon-values.yaml")
    assert values["istio"]["gateway"] == f"{gateway['metadata']['namespace']}/{gateway['metadata']['name']}"


def test_the_smoke_model_is_a_valid_seldon_deployment() -> None:
    (model,) = _manifests("smoke-model.yaml")
    assert problems(model) + webhook_problems(model) == []


@pytest.mark.parametrize("script", ["up.sh", "down.sh"])
def test_a_dry_run_needs_no_tool_and_does_nothing(machine: Machine, script: str) -> None:
    done = machine.run(script, "--dry-run")
    assert (done.returncode, done.stderr, machine.calls()) == (0, "", [])
    assert all(line.startswith("+ ") for line in done.stdout.splitlines())


def test_a_dry_run_prints_what_a_run_does(machine: Machine) -> None:
    dry = [line for line in machine.run("up.sh", "--dry-run").stdout.splitlines() if line.startswith("+ ")]
    real = machine.run("up.sh")
    assert (real.returncode, real.stderr) == (0, "")
    assert [line for line in real.stdout.splitlines() if line.startswith("+ ")] == dry
    assert len(machine.calls()) == len(dry) + 1  # and `docker info`
    assert "next: python run.py --pipeline deploy --stack minikube" in real.stdout


def test_a_second_run_changes_no_chart_and_leaves_the_manager_alone(machine: Machine) -> None:
    machine.run("up.sh", "--no-smoke")
    assert len([call for call in machine.calls() if call.startswith("helm upgrade")]) == 4
    again = machine.run("up.sh", "--no-smoke")
    assert again.returncode == 0
    assert again.stdout.count("there: ") == 4
    calls = machine.calls()
    assert not [call for call in calls if call.startswith("helm") or "rollout restart" in call]
    assert not [call for call in calls if "apply -f smoke-model.yaml" in call]


def test_a_webhook_that_is_late_is_waited_for(machine: Machine) -> None:
    (machine.bin / "kubectl.fail").write_text("3")
    assert machine.run("up.sh").returncode == 0
    assert len([call for call in machine.calls() if "--dry-run=server" in call]) == 4


@pytest.mark.parametrize("tool", TOOLS)
def test_a_missing_tool_is_named_with_its_cure_before_anything_is_done(machine: Machine, tool: str) -> None:
    done = machine.without(tool).run("up.sh")
    assert done.returncode == 5
    assert re.fullmatch(rf"error: {tool} is not installed; .+\n", done.stderr)
    assert not [call for call in machine.calls() if call != "docker info"]


def test_a_docker_engine_that_does_not_answer_is_told(machine: Machine) -> None:
    (machine.bin / "docker").write_text("#!/bin/bash\nexit 1\n")
    done = machine.run("up.sh")
    assert (done.returncode, done.stdout) == (5, "")
    assert done.stderr.startswith("error: the Docker engine does not answer; start it")


def test_a_taken_port_is_told_before_the_cluster_is_made(machine: Machine) -> None:
    port = int(_pinned()["INGRESS_PORT"])
    with socket.create_server(("127.0.0.1", port)):
        done = machine.run("up.sh")
    assert done.returncode == 5
    assert done.stderr.startswith(f"error: port {port} of this machine is taken")
    assert not [call for call in machine.calls() if call.startswith("minikube start")]


def test_an_unknown_option_is_refused(machine: Machine) -> None:
    for script in ("up.sh", "down.sh"):
        done = machine.run(script, "--force")
        assert (done.returncode, machine.calls()) == (5, [])
        assert done.stderr.startswith("error: unknown option --force; known: --dry-run")


def test_down_removes_the_cluster_says_what_is_left_and_can_be_repeated(machine: Machine) -> None:
    machine.run("up.sh", "--no-smoke")
    machine.calls()
    for _ in range(2):
        done = machine.run("down.sh")
        assert (done.returncode, done.stderr) == (0, "")
        assert "left: images on this machine; docker image rm --force removes them\n0123456789ab" in done.stdout
        assert "minikube delete --profile health-predict" in machine.calls()
