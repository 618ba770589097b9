"""The stack `aws` as a teardown finds it: moto for the account, the stub for Kubernetes, stand-ins for programs."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import boto3
import pytest
from click.testing import CliRunner, Result
from kubernetes.config import kube_config
from moto import mock_aws

from infra.aws import machine_steps, teardown
from tests.adapters.kubernetes_stub import CONTEXT, NAMESPACE, KubernetesStub, running_stub

REGION, BUCKET, LOGS, PROJECT_TAG = (
    "eu-central-1",
    "health-predict-test-data",
    "health-predict-test-logs",
    "health-predict",
)
TAGS = {"project": PROJECT_TAG, "environment": "test"}
REPOSITORY, FOREIGN = f"{PROJECT_TAG}/health-predict-server", "somebody-elses/server"
# a stand-in keeps what it manages in files, writes down each change, and fails once where a file <tool>.fail says so
STAND_IN = """#!/bin/bash
tool=${0##*/}
here=${0%/*}
case "$tool $*" in
  "helm status "*) [ -e "$here/release.$2" ]; exit ;;
  "minikube profile list "*) [ -e "$here/cluster" ] && echo '{"valid": [{"Name": "health-predict"}]}'; exit ;;
  "docker volume ls "*) [ ! -e "$here/volumes" ] || echo one two; exit ;;
  "docker image ls "* | "docker compose version"*) exit ;;
  "terraform "*" state list") cat "$here/resources" 2>/dev/null; exit ;;
esac
if [ -e "$here/$tool.fail" ]; then rm "$here/$tool.fail"; echo "$tool does not work" >&2; exit 1; fi
echo "$tool $*" >> "$here/calls"
case "$tool $*" in
  "helm uninstall "*) rm "$here/release.$2" ;;
  "minikube delete "*) rm -f "$here/cluster" ;;
  "docker compose "*" down "*) rm -f "$here/volumes" ;;
  "terraform "*" destroy "*) rm -f "$here/resources" ;;
esac
"""
MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
TOOLS = ("minikube", "helm", "docker", "terraform")
RELEASES = ["seldon-core", "istio-ingressgateway", "istiod", "istio-base"]


class Noted(list[tuple[str, str]]):
    """The requests to a cluster; its deletions stand in the file of calls, too."""

    def __init__(self, calls: Path) -> None:
        super().__init__()
        self.calls = calls

    def append(self, request: tuple[str, str]) -> None:
        super().append(request)
        if request[0] == "DELETE":
            with self.calls.open("a") as file:
                file.write(f"cluster DELETE {request[1].rpartition('/')[2]}\n")


@dataclass
class Stack:
    """What there is to take down."""

    bin: Path
    state: Path
    cluster: KubernetesStub
    instance: str
    volume: str

    def destroy(self, *options: str) -> Result:
        return CliRunner().invoke(teardown.main, [*options], catch_exceptions=False)

    def calls(self) -> list[str]:
        """What the stand-ins changed since the last time this was asked, in their order."""
        file = self.bin / "calls"
        made = file.read_text().splitlines() if file.exists() else []
        file.unlink(missing_ok=True)
        return made

    def versions(self, bucket: str = BUCKET) -> int:
        answer = boto3.client("s3").list_object_versions(Bucket=bucket)
        return len(answer.get("Versions", [])) + len(answer.get("DeleteMarkers", []))

    def images(self, repository: str = REPOSITORY) -> int:
        return len(boto3.client("ecr", REGION).list_images(repositoryName=repository)["imageIds"])


@pytest.fixture
def account(monkeypatch) -> Iterator[None]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        yield


@pytest.fixture
def stack(account, tmp_path, monkeypatch) -> Iterator[Stack]:
    """All of it stands, and this machine is the one that the services run on."""
    monkeypatch.setenv("HEALTH_PREDICT_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("HEALTH_PREDICT_KUBE_CONTEXT", CONTEXT)
    monkeypatch.setenv("HEALTH_PREDICT_KUBE_NAMESPACE", NAMESPACE)
    monkeypatch.setattr(machine_steps, "_PAUSE", 0.01)
    monkeypatch.setattr(machine_steps, "COMPOSE_DOWN", ["docker", "compose", "-", "down", "--volumes"])  # at once
    monkeypatch.setattr(machine_steps, "_champion", lambda: "version 7 since 2026-01-01, run abc")
    monkeypatch.setattr(teardown, "steps_over_ssm", lambda _: machine_steps.machine_steps())
    bin_folder = _stand_ins(tmp_path / "bin")
    monkeypatch.setenv("PATH", f"{bin_folder}:{os.environ['PATH']}")
    with running_stub(tmp_path) as cluster:
        cluster.requests = Noted(bin_folder / "calls")
        monkeypatch.setenv("KUBECONFIG", str(cluster.kubeconfig))
        monkeypatch.setattr(kube_config, "KUBE_CONFIG_DEFAULT_LOCATION", str(cluster.kubeconfig))  # read on import
        for name in ("zenml-1", "zenml-2"):
            cluster.stored["seldondeployments"][name] = {"metadata": {"name": name, "resourceVersion": "1"}}
        stack = Stack(bin_folder, tmp_path / "state", cluster, *_in_account())
        _write_variables(stack)
        yield stack


def _stand_ins(folder: Path) -> Path:
    folder.mkdir()
    for name in TOOLS:
        (folder / name).write_text(STAND_IN)
        (folder / name).chmod(0o755)
    for name in ("cluster", "volumes", *(f"release.{release}" for release in RELEASES)):
        (folder / name).touch()
    (folder / "resources").write_text("aws_instance.machine\naws_s3_bucket.data\n")
    return folder


def _in_account() -> tuple[str, str]:
    s3, ecr, ec2 = (boto3.client(service, REGION) for service in ("s3", "ecr", "ec2"))
    for bucket in (BUCKET, LOGS):
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": [{"Key": k, "Value": v} for k, v in TAGS.items()]})
        for body in (b"one", b"two"):
            s3.put_object(Bucket=bucket, Key="mlflow/model", Body=body)
        s3.delete_object(Bucket=bucket, Key="mlflow/model")
    s3.create_multipart_upload(Bucket=BUCKET, Key="raw_data/half")
    for repository in (REPOSITORY, FOREIGN):
        ecr.create_repository(repositoryName=repository, tags=[{"Key": k, "Value": v} for k, v in TAGS.items()])
        for number in (1, 2):
            layers = f'"layers": [{{"digest": "sha256:{number:064}"}}]'  # moto makes the image's digest of these
            manifest = f'{{"schemaVersion": 2, "config": {{"digest": "sha256:{number:064}"}}, {layers}}}'
            image = {"imageManifest": manifest, "imageManifestMediaType": MANIFEST, "imageTag": f"{number}-run"}
            ecr.put_image(repositoryName=repository, **image)
    specification = [{"ResourceType": "instance", "Tags": [{"Key": k, "Value": v} for k, v in TAGS.items()]}]
    made = ec2.run_instances(ImageId="ami-12c6146b", MinCount=1, MaxCount=1, TagSpecifications=specification)
    volume = ec2.create_volume(Size=60, AvailabilityZone=f"{REGION}a")["VolumeId"]
    return made["Instances"][0]["InstanceId"], volume


def _write_variables(stack: Stack) -> None:
    values = {
        "REGION": REGION,
        "BUCKET": BUCKET,
        "LOGS_BUCKET": LOGS,
        "REGISTRY": f"123456789012.dkr.ecr.{REGION}.amazonaws.com/{PROJECT_TAG}",
        "INSTANCE_ID": stack.instance,
        "DATA_VOLUME_ID": stack.volume,
        "PROJECT_TAG": PROJECT_TAG,
        "ENVIRONMENT_TAG": "test",
    }
    stack.state.mkdir(exist_ok=True)
    text = "".join(f"HEALTH_PREDICT_{name}={value}\n" for name, value in values.items())
    (stack.state / "aws.env").write_text(text)
