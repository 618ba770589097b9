"""The deployment pipeline on the components of the stack `aws`, run by `make test-image`.

A real engine and a registry with a login in the place of ECR, moto for S3 and ECR's API, the stub for Kubernetes, and
real containers behind an ingress.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest
import yaml
from moto.server import ThreadedMotoServer
from s3fs import S3FileSystem

from adapters.mlflow_registry import Registry
from stacks.stack_file import STACKS
from tests.adapters.kubernetes_stub import CONTEXT, NAMESPACE, KubernetesStub, Resource, running_stub
from tests.adapters.seldon_endpoints import pod_of
from tests.pipelines.champions import register_champion
from tests.pipelines.own_stack import local_stack
from tests.serving.conftest import served_models
from tests.serving.containers import Container, container, docker, engine, prepared, registry
from tests.stacks.compiling import AWS_VARIABLES

__all__ = ["served_models"]
pytestmark = pytest.mark.image

CACHE = Path("/var/cache/health-predict")
ACCOUNT, REGION = "123456789012", AWS_VARIABLES["HEALTH_PREDICT_REGION"]
LOGIN = ("AWS", f"{ACCOUNT}-auth-token")  # what moto's ECR gives, each time as expired
REPOSITORY = "health-predict/health-predict-server"
ROUTE = "/api/v1.0/predictions"


@dataclass
class Ingress:
    """Istio's place: Seldon's route of each SeldonDeployment leads to the container that its operator started."""

    url: str = ""
    servers: dict[str, str] = field(default_factory=dict)
    containers: ExitStack = field(default_factory=ExitStack)
    stuck: bool = False  # the operator reports success, and routes to the old pods

    def operate(self, stub: KubernetesStub, resource: Resource) -> None:
        """Play Seldon's operator: run the image and lead the route to it."""
        name = resource["metadata"]["name"]
        image = pod_of(resource)["containers"][0]["image"]
        if not self.stuck or name not in self.servers:
            started: Container = self.containers.enter_context(container(image))
            self.servers[name] = started.url
        stub.roll_out(name)
        stub.set_status(name, state="Available", deploymentStatus={"d": {"availableReplicas": 2}})

    def forward(self, path: str, body: bytes) -> tuple[int, bytes]:
        name = path.removeprefix(f"/seldon/{NAMESPACE}/").removesuffix(ROUTE)
        if name not in self.servers:
            return 404, b"{}"
        json = {"Content-Type": "application/json"}
        answer = httpx.post(f"{self.servers[name]}{ROUTE}", content=body, headers=json, timeout=30)
        return answer.status_code, answer.content


@dataclass
class Cloud:
    """What the deployments of this file work on, and what they did to it."""

    versions: Registry
    stub: KubernetesStub
    ingress: Ingress
    address: str
    ecr: Any
    base: str
    logins: list[str] = field(default_factory=list)

    def deploy(self, version: str, **settings: object) -> dict[str, Any]:
        """Run the deployment pipeline; returns its rollout."""
        from configs.deploy import DeployConfig
        from configs.loading import load
        from driver.deploy import run_deployment

        quick = {"image.base_image": self.base, "verification.requests": 5, "endpoint.timeout": 60, **settings}
        config = load(DeployConfig, "deploy", None, tuple(f"{key}={value}" for key, value in quick.items()))
        return run_deployment(config, version)

    def tags(self) -> list[str]:
        answer = httpx.get(f"http://{self.address}/v2/{REPOSITORY}/tags/list", auth=LOGIN)
        return sorted(answer.json().get("tags") or []) if answer.status_code == 200 else []

    def image(self) -> str:
        return pod_of(self.stub.only())["containers"][0]["image"]


@pytest.fixture(scope="module")
def cloud(tmp_path_factory, served_models) -> Iterator[Cloud]:
    folder = tmp_path_factory.mktemp("cloud")
    with ExitStack() as running:
        running.enter_context(engine())
        base = os.environ.get("HEALTH_PREDICT_BASE_IMAGE") or prepared("python-base.sh")
        program = prepared("docker-registry.sh", str(CACHE / "docker-registry"))
        address = running.enter_context(registry(program, _made(folder / "registry"), LOGIN))
        running.callback(_remove_images, address)
        stub = running.enter_context(running_stub(_made(folder / "cluster")))
        ingress = running.enter_context(_ingress())
        stub.operator = lambda stub, resource: ingress.operate(stub, resource)
        versions = running.enter_context(local_stack(folder / "state"))
        aws = running.enter_context(_aws())
        cloud = Cloud(versions, stub, ingress, address, aws, base)
        running.enter_context(_settings(cloud, folder))
        for family in ("logistic_regression", "xgboost", "random_forest"):
            register_champion(versions, served_models[family], tmp_path_factory.mktemp(family))
        yield cloud


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _remove_images(address: str) -> None:
    names = docker("images", "--quiet", "--no-trunc", f"--filter=reference={address}/*/*").split()
    if names:
        docker("image", "rm", "--force", *sorted(set(names)))


@contextmanager
def _ingress() -> Iterator[Ingress]:
    ingress = Ingress()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            code, content = ingress.forward(self.path, body)
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    ingress.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    with ingress.containers:
        yield ingress
    server.shutdown()
    server.server_close()


@contextmanager
def _aws() -> Iterator[Any]:
    """The account after `terraform apply`: a bucket and a repository; yields a client of ECR."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    os.environ.update(dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), "test"))
    os.environ.update(AWS_DEFAULT_REGION=REGION, AWS_ENDPOINT_URL=f"http://{host}:{port}")
    S3FileSystem.clear_instance_cache()
    where = {"LocationConstraint": REGION}
    boto3.client("s3").create_bucket(Bucket=AWS_VARIABLES["HEALTH_PREDICT_BUCKET"], CreateBucketConfiguration=where)
    ecr = boto3.client("ecr", REGION)
    ecr.create_repository(repositoryName=REPOSITORY, imageTagMutability="IMMUTABLE")
    yield ecr
    server.stop()
    S3FileSystem.clear_instance_cache()


@contextmanager
def _settings(cloud: Cloud, folder: Path) -> Iterator[None]:
    """Apply the stack `aws` without the two servers that are not here: Airflow and MLflow's."""
    from kubernetes.config import kube_config

    from stacks.apply import apply_stack
    from stacks.components.ecr.registry import EcrRegistry

    os.environ.update(
        AWS_VARIABLES,
        HEALTH_PREDICT_REGISTRY_HOST=cloud.address,
        HEALTH_PREDICT_KUBE_CONTEXT=CONTEXT,
        HEALTH_PREDICT_KUBE_NAMESPACE=NAMESPACE,
        HEALTH_PREDICT_SELDON_URL=cloud.ingress.url,
        DOCKER_CONFIG=str(_made(folder / "no-docker-login")),
    )
    CACHE.joinpath("wheels").mkdir(parents=True, exist_ok=True)
    (folder / "state" / "wheels").symlink_to(CACHE / "wheels")
    (folder / "aws_here.yaml").write_text(yaml.safe_dump(_stack()))
    log_in = EcrRegistry._login

    def counted(registry: Any) -> Any:
        cloud.logins.append("again")
        return log_in(registry)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kube_config, "KUBE_CONFIG_DEFAULT_LOCATION", str(cloud.stub.kubeconfig))
        patch.setattr(EcrRegistry, "_login", counted)
        apply_stack("aws_here", activate=True, folder=folder)
        yield


def _stack() -> dict[str, Any]:
    aws, local = (yaml.safe_load((STACKS / f"{name}.yaml").read_text()) for name in ("aws", "local"))
    for kind in ("orchestrator", "experiment_tracker", "model_registry"):
        aws["components"][kind] = local["components"][kind]
    flavors = [flavor for flavor in aws["flavors"] if "airflow" not in flavor]
    return {"components": aws["components"], "flavors": flavors, "mlflow_experiments": local["mlflow_experiments"]}


@pytest.fixture(scope="module")
def first(cloud: Cloud) -> dict[str, Any]:
    return cloud.deploy("1")


def test_the_image_is_pushed_by_model_version_and_served_through_the_ingress(cloud: Cloud, first) -> None:
    assert first["status"] == "deployed", first["reason"]
    assert first["verification"]["passed"]
    assert first["url"].startswith(f"{cloud.ingress.url}/seldon/{NAMESPACE}/")
    (tag,) = cloud.tags()
    run = cloud.versions.find("1").run_id[:8]
    assert tag == f"1-{run}"
    assert cloud.image().startswith(f"{cloud.address}/{REPOSITORY}:{tag}@sha256:")


def test_it_logged_in_by_itself_and_again_when_the_token_had_ended(cloud: Cloud, first) -> None:
    assert len(cloud.logins) >= 2  # to look, to build and to push; every token of moto has ended
    assert httpx.get(f"http://{cloud.address}/v2/{REPOSITORY}/tags/list").status_code == 401
    assert not list(Path(os.environ["DOCKER_CONFIG"]).iterdir())  # and left no token behind


def test_no_repository_was_made(cloud: Cloud, first) -> None:
    found = cloud.ecr.describe_repositories()["repositories"]
    assert [repository["repositoryName"] for repository in found] == [REPOSITORY]


def test_steps_kept_their_artifacts_in_the_bucket_encrypted_as_it_demands(cloud: Cloud, first) -> None:
    s3 = boto3.client("s3")
    bucket = AWS_VARIABLES["HEALTH_PREDICT_BUCKET"]
    keys = [item["Key"] for item in s3.list_objects_v2(Bucket=bucket)["Contents"]]
    assert {"build_image", "deploy_release", "verify_release"} <= {key.partition("/")[0] for key in keys}
    assert {s3.head_object(Bucket=bucket, Key=key)["ServerSideEncryption"] for key in keys} == {"aws:kms"}


@pytest.fixture(scope="module")
def second(cloud: Cloud, first) -> dict[str, Any]:
    return cloud.deploy("2")


def test_an_update_is_in_place(cloud: Cloud, first, second) -> None:
    assert (second["status"], second["serving"], second["url"]) == ("deployed", "2", first["url"])
    assert len(cloud.tags()) == 2
    assert "/health-predict-server:2-" in cloud.image()


def test_what_does_not_prove_itself_goes_back(cloud: Cloud, second) -> None:
    serving = cloud.image()
    cloud.ingress.stuck = True
    rollout = cloud.deploy("3", **{"verification.timeout": 2})
    cloud.ingress.stuck = False
    assert (rollout["status"], rollout["serving"]) == ("restored", "2")
    assert "version 2 answers instead of version 3" in rollout["reason"]
    assert cloud.image() == serving
    assert len(cloud.tags()) == 3  # what was pushed stays


def test_the_same_version_again_is_not_pushed_again(cloud: Cloud, second) -> None:
    before = cloud.tags()
    again = cloud.deploy("3")
    assert (again["status"], again["serving"]) == ("deployed", "3")
    assert cloud.tags() == before
