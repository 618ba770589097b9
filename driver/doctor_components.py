"""What the doctor asks the components of a stack: whether they can be reached, and let the user in."""

import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import requests

from driver.doctor_finding import Finding, asked, guarded
from driver.doctor_machine import folder_finding, trouble_writing
from driver.doctor_stack import Secrets
from health_predict.errors import InfrastructureError
from health_predict.rollout import Endpoint
from stacks.stack_file import Component, StackFile

_SQLITE = "sqlite:///"
Configuration = Mapping[str, Any]


def component_findings(stack: StackFile, secrets: Secrets, *, registered: bool) -> list[Finding]:
    """Ask every component of the stack.

    Args:
        registered: whether ZenML has the stack, as the model deployer needs.
    """
    findings: list[Finding] = []
    for component in stack.components:
        findings += guarded(_title(component), partial(_ask, component, secrets, registered=registered))
    return findings


def _ask(component: Component, secrets: Secrets, *, registered: bool) -> list[Finding]:
    configuration = secrets.resolve(component.configuration)
    if component.type == "model_deployer":
        return [_endpoint(component, registered=registered)]
    if component.flavor == "ecr":
        return [_ecr(component, registered=registered)]
    return _CHECKS.get((component.type, component.flavor), _in_process)(component, configuration)


def _title(component: Component) -> str:
    return component.type.replace("_", " ")


def _in_process(component: Component, _: Configuration) -> list[Finding]:
    return [Finding(_title(component), "ok", f"{component.flavor}, in the processes that use it")]


def _local_artifacts(component: Component, configuration: Configuration) -> list[Finding]:
    folder = Path(configuration["path"])
    return [folder_finding(_title(component), folder, trouble_writing(folder), "give this user the right to")]


def _s3(component: Component, configuration: Configuration) -> list[Finding]:
    from adapters.object_storage import Bucket

    def ask() -> str:
        settings = dict(configuration.get("client_kwargs") or {})
        root = str(configuration["path"])
        Bucket.asked_once(root, configuration.get("key"), configuration.get("secret"), settings).check()
        return f"{root} at {settings.get('endpoint_url', 'AWS')}: there, and lets us in"

    return [asked(_title(component), ask)]


def _mlflow(component: Component, configuration: Configuration) -> list[Finding]:
    uri = str(configuration.get("tracking_uri", ""))
    if uri.startswith(_SQLITE):
        return [asked(_title(component), lambda: _sqlite(Path(uri.removeprefix(_SQLITE))))]
    from adapters.mlflow_server import check_server

    user, password = configuration.get("tracking_username"), configuration.get("tracking_password")
    login = (str(user), str(password)) if user and password else None

    def ask() -> str:
        check_server(uri, login)
        return f"MLflow at {uri}: up, lets us in, its database answers"

    return [asked(_title(component), ask)]


def _sqlite(database: Path) -> str:
    if not database.exists():
        return f"{database}: made when the stack is applied"
    try:
        with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as connection:
            (count,) = connection.execute("SELECT count(*) FROM experiments").fetchone()
    except sqlite3.Error:
        raise InfrastructureError(f"{database}: is damaged; put it back from a copy") from None
    return f"{database}: {count} experiments"


def _registry(component: Component, configuration: Configuration) -> list[Finding]:
    uri = str(configuration["uri"])

    def ask() -> str:
        host = uri.partition("/")[0]
        scheme = "http" if host.startswith(("127.", "localhost")) else "https"
        try:
            status = requests.get(f"{scheme}://{host}/v2/", timeout=(3.05, 10)).status_code
        except requests.RequestException as error:
            raise InfrastructureError(f"{uri}: no answer ({type(error).__name__}); start it") from None
        if status not in (requests.codes.ok, requests.codes.unauthorized):  # 401: it is there, and wants a login
            raise InfrastructureError(f"{uri}: answers {status}; is it a container registry?")
        return f"{uri}: answers"

    return [asked(_title(component), ask)]


def _ecr(component: Component, *, registered: bool) -> Finding:
    """Its login is ZenML's, too."""
    if not registered:
        return _unregistered(component)
    from zenml.client import Client

    def ask() -> str:
        registry = Client().active_stack.container_registry
        who = registry.credentials[0] if registry and registry.credentials else "nobody"
        return f"{component.configuration['uri']}: lets us in as {who}"

    return asked(_title(component), ask)


def _unregistered(component: Component) -> Finding:
    cure = "register the stack, then look again"
    return Finding(_title(component), "warn", "not asked: the stack is not registered", cure)


def _image_builder(component: Component, _: Configuration) -> list[Finding]:
    from adapters.docker_engine import check_engine

    return [asked(_title(component), lambda: f"Docker engine {check_engine()}")]


def _airflow(_: Component, configuration: Configuration) -> list[Finding]:
    from driver.doctor_airflow import airflow_findings

    return airflow_findings(configuration)


def _endpoint(component: Component, *, registered: bool) -> Finding:
    """An endpoint is asked through ZenML, so only once the stack is registered."""
    name = _title(component)
    if not registered:
        return _unregistered(component)
    from adapters.seldon_endpoint import endpoint_of_stack
    from configs.deploy import DeployConfig
    from configs.loading import load

    return endpoint_finding(name, endpoint_of_stack(load(DeployConfig, "deploy").endpoint).find())


def endpoint_finding(name: str, endpoint: Endpoint | None) -> Finding:
    """Tell whether something is served."""
    cure = "python run.py --pipeline deploy"
    if endpoint is None:
        return Finding(name, "ok", "can be used; nothing was deployed yet")
    told = f"endpoint {endpoint.name} is {endpoint.state}: {endpoint.reason.partition('; ')[0]}"
    if endpoint.state in ("running", "starting"):
        return Finding(name, "ok", told)
    return Finding(name, "FAIL" if endpoint.state == "failed" else "warn", told, cure)


_CHECKS: dict[tuple[str, str], Callable[[Component, Configuration], list[Finding]]] = {
    ("orchestrator", "airflow_steps"): _airflow,
    ("artifact_store", "local"): _local_artifacts,
    ("artifact_store", "s3"): _s3,
    ("experiment_tracker", "mlflow"): _mlflow,
    ("container_registry", "default"): _registry,
    ("image_builder", "local"): _image_builder,
}
