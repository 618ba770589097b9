"""`make destroy` rehearsed on a stack that stands nowhere: in order, interrupted, repeated, half gone, refused."""

import os
import pty
import subprocess
import sys
from types import SimpleNamespace

import boto3
import pytest
from botocore.exceptions import ClientError
from kubernetes.config import kube_config

import driver.stack
from adapters import stack_connection
from health_predict.errors import InfrastructureError
from infra.aws import account_steps, machine_by_ssm, machine_steps, teardown
from stacks.environment import PROJECT
from tests.adapters.kubernetes_stub import CONTEXT
from tests.infra.standing_stack import BUCKET, FOREIGN, LOGS, REGION, RELEASES, REPOSITORY, TOOLS, Stack, account, stack

__all__ = ["account", "stack"]

pytestmark = pytest.mark.infra

CHAMPION = machine_steps._champion
COMPOSE_DOWN = machine_steps.COMPOSE_DOWN  # the real one takes seconds, so that most tests have a stand-in for it, too


def assert_all_gone(stack: Stack) -> None:
    assert stack.cluster.seldon_deployments == []
    assert sorted(path.name for path in stack.bin.iterdir() if path.name not in (*TOOLS, "calls")) == []
    assert (stack.versions(), stack.versions(LOGS), stack.images()) == (0, 0, 0)
    assert boto3.client("s3").list_multipart_uploads(Bucket=BUCKET).get("Uploads", []) == []


def test_everything_goes_in_order(stack: Stack, monkeypatch) -> None:
    monkeypatch.setattr(machine_steps, "COMPOSE_DOWN", COMPOSE_DOWN)
    done = stack.destroy("--yes-delete-models")
    assert done.exit_code == 0, done.output
    assert_all_gone(stack)
    words = [call.split() for call in stack.calls()]
    assert [" ".join(call[:3]) if call[0] in ("helm", "cluster") else call[0] for call in words] == [
        "cluster DELETE zenml-1",
        "cluster DELETE zenml-2",
        *(f"helm uninstall {release}" for release in RELEASES),
        "minikube",
        "docker",
        "terraform",
    ]
    gone = [line.split(": ")[1] for line in done.output.splitlines() if line.startswith("gone: ")]
    assert gone[1:6] == [
        "SeldonDeployments",
        "Seldon's operator and Istio",
        "Minikube",
        "Compose services and volumes",
        "images in ECR",
    ]
    assert gone[6:] == [f"versions in {BUCKET}", f"versions in {LOGS}", "what Terraform made"]


def test_what_is_not_the_projects_stays(stack: Stack) -> None:
    assert stack.destroy("--yes-delete-models").exit_code == 0
    assert stack.images(FOREIGN) == 2


def test_a_second_time_has_nothing_to_do(stack: Stack) -> None:
    stack.destroy("--yes-delete-models")
    stack.calls()
    again = stack.destroy("--yes-delete-models")
    assert again.exit_code == 0, again.output
    assert [call for call in stack.calls() if not call.startswith("minikube delete")] == []  # which asks nothing


@pytest.mark.parametrize("tool", TOOLS)
def test_interrupted_by_a_failing_program_it_goes_on_where_it_stopped(stack: Stack, tool: str) -> None:
    (stack.bin / f"{tool}.fail").touch()
    broken = stack.destroy("--yes-delete-models")
    assert broken.exit_code == 5
    (line,) = [line for line in broken.stderr.splitlines() if line.startswith("error: ")]
    assert "run make destroy again" in line
    before = stack.calls()
    assert not [call for call in before if call.startswith("terraform")]
    again = stack.destroy("--yes-delete-models")
    assert again.exit_code == 0, again.output
    assert_all_gone(stack)
    assert not {call for call in before if call.startswith("helm")} & set(stack.calls())


def test_interrupted_among_the_versions_it_deletes_the_rest(stack: Stack, monkeypatch) -> None:
    monkeypatch.setattr(account_steps, "_VERSIONS", 1)
    deleted: list[str] = []

    def cut_off(model, params, **_) -> None:
        deleted.append(model.name)
        if len(deleted) == 2:
            raise ClientError({"Error": {"Code": "SlowDown"}}, "DeleteObjects")

    monkeypatch.setattr(teardown.Account, "client", _watched(teardown.Account.client, cut_off))
    broken = stack.destroy("--yes-delete-models")
    assert broken.exit_code == 5
    assert "refused or unreachable (SlowDown)" in broken.stderr
    assert 0 < stack.versions() + stack.versions(LOGS) < 6
    assert stack.destroy("--yes-delete-models").exit_code == 0
    assert_all_gone(stack)


def test_images_that_ecr_keeps_are_told_with_its_reason(stack: Stack, monkeypatch) -> None:
    """An image that an index refers to goes after the index; nothing at all going is the end."""
    kept = _Ecr([["sha256:index"], ["sha256:image"]])
    monkeypatch.setattr(account_steps, "_images", lambda _: [(REPOSITORY, [])])
    monkeypatch.setattr(teardown.Account, "client", lambda self, service: kept)
    account = teardown.Account.of_file(stack.state / "aws.env")
    assert account_steps._delete_images(account) == "2 images"
    kept.steps, kept.left = [[]], ["sha256:image"]
    with pytest.raises(Exception, match=r"1 images stay \(KmsError\)"):
        account_steps._delete_images(account)


def test_half_of_it_gone_by_hand_is_no_error(stack: Stack) -> None:
    s3 = boto3.client("s3")
    for item in s3.list_object_versions(Bucket=LOGS)["Versions"]:
        s3.delete_object(Bucket=LOGS, Key=item["Key"], VersionId=item["VersionId"])
    for item in s3.list_object_versions(Bucket=LOGS)["DeleteMarkers"]:
        s3.delete_object(Bucket=LOGS, Key=item["Key"], VersionId=item["VersionId"])
    s3.delete_bucket(Bucket=LOGS)
    boto3.client("ecr", REGION).delete_repository(repositoryName=REPOSITORY, force=True)
    boto3.client("ec2", REGION).terminate_instances(InstanceIds=[stack.instance])
    (stack.bin / "helm").unlink()
    stack.cluster.missing.add("seldondeployments")
    done = stack.destroy("--yes-delete-models")
    assert done.exit_code == 0, done.output
    assert stack.versions() == 0


def test_no_cluster_is_no_error(stack: Stack, monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(kube_config, "KUBE_CONFIG_DEFAULT_LOCATION", str(tmp_path / "absent"))
    done = stack.destroy("--yes-delete-models")
    assert done.exit_code == 0, done.output
    assert "there: SeldonDeployments: no cluster answers" in done.output


def test_refused_by_the_cluster_nothing_later_is_touched(stack: Stack) -> None:
    stack.cluster.forbidden.add(("DELETE", "seldondeployments"))
    done = stack.destroy("--yes-delete-models")
    assert done.exit_code == 5
    assert f"Kubernetes context {CONTEXT}: SeldonDeployment zenml-1 cannot be deleted (Forbidden)" in done.stderr
    assert (stack.calls(), stack.images()) == (["cluster DELETE zenml-1"], 2)  # which was refused


def test_a_dry_run_says_what_is_there_and_deletes_nothing(stack: Stack) -> None:
    done = stack.destroy("--dry-run")
    assert done.exit_code == 0, done.output
    for line in (
        "there: champion: version 7 since 2026-01-01, run abc",
        "there: SeldonDeployments: zenml-1, zenml-2",
        f"there: Seldon's operator and Istio: {', '.join(RELEASES)}",
        "there: Minikube: profile health-predict",
        "there: Compose services and volumes: 2 volumes",
        "there: images in ECR: 2 images",
        f"there: versions in {BUCKET}: 3 versions",
        "there: what Terraform made: 2 resources",
        "backup: registry and databases (data disk): NONE",
    ):
        assert line in done.output.splitlines()
    assert (stack.calls(), stack.versions(), stack.images(), len(stack.cluster.seldon_deployments)) == ([], 3, 2, 2)


@pytest.mark.parametrize(
    ("champion", "said"),
    [
        (SimpleNamespace(version="7", tags={"champion_since": "May"}, run_id="abc"), "version 7 since May, run abc"),
        (None, "none"),
        (InfrastructureError("MLflow does not answer\nsecond line"), "not known (MLflow does not answer)"),
        (KeyError(), "not known (KeyError)"),
    ],
)  # fmt: skip
def test_the_champion_that_would_be_lost_is_named(monkeypatch, champion: object, said: str) -> None:
    def ask() -> object:
        if isinstance(champion, Exception):
            raise champion
        return champion

    asked: list[str] = []
    monkeypatch.setattr(driver.stack, "use_stack", asked.append)
    monkeypatch.setattr(stack_connection, "registry_of_stack", lambda: SimpleNamespace(champion=ask))
    assert CHAMPION() == said
    assert asked == ["aws"]


def test_a_snapshot_of_the_data_disk_is_named(stack: Stack) -> None:
    made = boto3.client("ec2", REGION).create_snapshot(VolumeId=stack.volume)
    assert (
        f"backup: registry and databases (data disk): snapshot {made['SnapshotId']} of 20"
        in stack.destroy("--dry-run").output
    )


def test_without_a_terminal_models_are_not_deleted(stack: Stack) -> None:
    done = stack.destroy()
    assert done.exit_code == 2
    assert "there is no terminal to ask on; give --yes-delete-models" in done.stderr
    assert (stack.calls(), stack.versions(), stack.images()) == ([], 3, 2)


@pytest.mark.parametrize(("answer", "code"), [(b"n\n", 2), (b"\n", 2), (b"y\n", 0)])
def test_on_a_terminal_it_asks(stack: Stack, answer: bytes, code: int, tmp_path) -> None:
    """Of the machine's own part, in a process of its own."""
    script = (
        "from infra.aws import machine_steps, teardown\n"
        "machine_steps._champion = lambda: 'version 7'\n"
        "machine_steps.COMPOSE_DOWN = ['docker', 'compose', '-', 'down']\n"
        "teardown.main()"
    )
    ours, theirs = pty.openpty()
    os.write(ours, answer)
    done = subprocess.run(
        [sys.executable, "-c", script, "--part", "machine"],
        cwd=PROJECT, stdin=theirs, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    for end in (ours, theirs):
        os.close(end)
    assert done.returncode == code, done.stderr
    assert "Delete all models, data and reports of this stack? [y/N]" in done.stdout
    assert bool(stack.cluster.seldon_deployments) == bool(code)
    assert stack.versions() == 3


def test_what_is_left_is_listed_until_it_is_gone(stack: Stack) -> None:
    done = stack.destroy("--yes-delete-models")
    assert f"  arn:aws:s3:::{BUCKET}" in done.output.splitlines()
    s3 = boto3.client("s3")
    for bucket in (BUCKET, LOGS):
        s3.delete_bucket(Bucket=bucket)  # AWS refuses that of a bucket that is not empty
    boto3.client("ecr", REGION).delete_repository(repositoryName=REPOSITORY)  # here, too
    boto3.client("ecr", REGION).delete_repository(repositoryName=FOREIGN, force=True)
    boto3.client("ec2", REGION).terminate_instances(InstanceIds=[stack.instance])
    again = stack.destroy("--yes-delete-models")
    assert again.exit_code == 0, again.output
    assert not [line for line in again.output.splitlines() if line.startswith("  arn:aws:s3")]


def test_without_terraform_nothing_is_begun(stack: Stack, monkeypatch) -> None:
    (stack.bin / "terraform").unlink()
    monkeypatch.setenv("PATH", str(stack.bin))
    done = stack.destroy("--yes-delete-models")
    assert done.exit_code == 5
    assert "terraform is not installed" in done.stderr
    assert (stack.calls(), len(stack.cluster.seldon_deployments)) == ([], 2)


@pytest.mark.parametrize("content", [None, "HEALTH_PREDICT_REGION=eu-central-1\n"])
def test_without_terraforms_outputs_it_names_the_command(stack: Stack, content: str | None) -> None:
    file = stack.state / "aws.env"
    file.unlink() if content is None else file.write_text(content)
    done = stack.destroy("--dry-run")
    assert done.exit_code == 5
    assert done.stderr.strip().endswith("run: make aws-env")


@pytest.mark.parametrize(
    ("state", "said"), [("running", "\n  there: x"), ("stopped", "stopped; its"), ("gone", "gone; its")]
)
def test_the_machine_is_asked_over_ssm_while_it_runs(stack: Stack, monkeypatch, state: str, said: str) -> None:
    account = teardown.Account.of_file(stack.state / "aws.env")
    ec2 = account.client("ec2")
    if state == "stopped":
        ec2.stop_instances(InstanceIds=[stack.instance])
    if state == "gone":
        account = teardown.Account(**{**vars(account), "instance": "i-0123456789abcdef0"})
    asked: list[str] = []

    def answer(client, instance, command) -> str:
        asked.append(command)
        return "\n  there: x"

    monkeypatch.setattr(machine_by_ssm, "_on_machine", answer)
    (step,) = machine_by_ssm.steps_over_ssm(account)
    assert step.look().startswith(said)
    assert [command.endswith("--part machine --dry-run") for command in asked] == [True] * (state == "running")


def test_the_command_on_the_machine_and_its_answer(account, monkeypatch) -> None:
    monkeypatch.setattr(machine_by_ssm, "_PAUSE", 0.01)
    client, instance = _Ssm(["Pending", "InProgress", "Success"]), "i-1"
    assert machine_by_ssm._on_machine(client, instance, "the command") == "\n  there: champion: none"
    assert client.sent["Parameters"]["commands"] == ["the command"]
    with pytest.raises(Exception, match=r"machine i-1: its part ended with Failed: error: the reason"):
        machine_by_ssm._on_machine(_Ssm(["Failed"]), instance, "the command")


def test_releases_are_those_that_up_installs(stack: Stack) -> None:
    script = (PROJECT / "infra" / "minikube" / "up.sh").read_text()
    installed = [tuple(line.split()[1:4:2]) for line in script.splitlines() if line.strip().startswith("chart ")]
    assert sorted(machine_steps.RELEASES) == sorted(installed)


class _Ecr:
    """ECR that deletes in each request what a list of such lists says."""

    def __init__(self, steps: list[list[str]]) -> None:
        self.steps, self.left = steps, ["sha256:image", "sha256:index"]

    def get_paginator(self, _):
        return self

    def paginate(self, **_):
        return [{"imageIds": [{"imageDigest": digest} for digest in self.left]}]

    def batch_delete_image(self, **_):
        gone = self.steps.pop(0)
        self.left = [digest for digest in self.left if digest not in gone]
        failures = [{"failureCode": "KmsError"} for _ in self.left]
        return {"imageIds": [{"imageDigest": digest} for digest in gone], "failures": failures}


class _Ssm:
    """SSM that answers with one status after the other."""

    class exceptions:  # noqa: N801
        pass

    def __init__(self, statuses: list[str]) -> None:
        self.statuses, self.sent = list(statuses), {}

    def send_command(self, **sent):
        self.sent = sent
        return {"Command": {"CommandId": "c"}}

    def get_command_invocation(self, **_):
        status = self.statuses.pop(0)
        if status == "Pending":
            raise ClientError({"Error": {"Code": "InvocationDoesNotExist"}}, "GetCommandInvocation")
        output = "there: champion: none\n"
        return {"Status": status, "StandardOutputContent": output, "StandardErrorContent": "x\nerror: the reason\n"}


def _watched(make, hook):
    def client(self, service):
        made = make(self, service)
        if service == "s3":
            made.meta.events.register("before-call.s3.DeleteObjects", hook)
        return made

    return client
