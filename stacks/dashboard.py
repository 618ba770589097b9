"""The ZenML dashboard and the MLflow UI over the project's own stores, on this machine only, until Ctrl+C.

`zenml login --local` would point every client at its server until `zenml logout`, also after the server died. Here the
server is a second reader of the same database, with a configuration folder of its own; no client knows of it.
"""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import click
import requests
import yaml

from health_predict.errors import HealthPredictError, InfrastructureError, InputError
from stacks.environment import mlflow_artifact_folder, mlflow_tracking_uri, prepare, state_folder

HOST = "127.0.0.1"
_ZENML_PORT, _MLFLOW_PORT = 8237, 5000
_PORTS_TRIED = 50
_START_UP, _ANSWER = 120.0, 30.0  # seconds
# Nothing is loaded from elsewhere (ZenML's own policy lets pictures, avatars among them, come from any host).
# ZenML strips quotes off the ends of each value, so none may stand there.
_ONLY_FROM_HERE = "; ".join(
    f"{what} data: {sources} blob:"
    for what, sources in {
        "script-src": "'self' 'unsafe-inline' 'unsafe-eval'",
        "style-src": "'self' 'unsafe-inline'",
        **dict.fromkeys(("connect-src", "img-src", "font-src", "frame-src", "base-uri", "form-action"), "'self'"),
    }.items()
)


def free_port(preferred: int) -> int:
    """The first free port of this machine from `preferred` on; raises InfrastructureError if 50 are taken."""
    for port in range(preferred, preferred + _PORTS_TRIED):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return port
    raise InfrastructureError(f"no free port between {preferred} and {preferred + _PORTS_TRIED - 1}")


def serve_zenml() -> None:
    """Serve the ZenML dashboard until interrupted. Raises InputError when there is no store yet."""
    store = store_url()
    if store.startswith(("http://", "https://")):
        click.echo(f"ZenML dashboard: {store} (the server that this project uses)")
        return
    port = free_port(_ZENML_PORT)
    os.environ.update(_server_environment(store))
    address = f"http://{HOST}:{port}"
    click.echo("ZenML dashboard: starting")
    threading.Thread(target=_announce, args=(address,), daemon=True).start()

    import uvicorn  # the server application reads the environment when it is imported

    uvicorn.run("zenml.zen_server.zen_server_api:app", host=HOST, port=port, log_level="warning", server_header=False)


def serve_mlflow() -> None:
    """Serve the MLflow UI over the project's tracking database until interrupted or terminated."""
    port = free_port(_MLFLOW_PORT)
    os.environ["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] = "false"  # a queue for LLM evaluations
    os.environ["PYTHONWARNINGS"] = "ignore::DeprecationWarning,ignore::UserWarning"  # of the server's own libraries
    click.echo(f"MLflow UI: starting on http://{HOST}:{port} (Ctrl+C ends it)")
    artifacts = ["--default-artifact-root", str(mlflow_artifact_folder()), "--no-serve-artifacts"]
    place = ["--host", HOST, "--port", str(port), "--workers", "1", "--uvicorn-opts", "--log-level warning"]
    command = ["-m", "mlflow", "server", "--backend-store-uri", mlflow_tracking_uri(), *artifacts, *place]
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # in a session of its own: MLflow hands an interrupt on to its server, which would get two and die of the second
    server = subprocess.Popen([sys.executable, *command], start_new_session=True)  # noqa: S603 - our own interpreter
    try:
        if server.wait():
            raise InfrastructureError(f"the MLflow server ended with {server.returncode}; its lines above say why")
    finally:
        if server.poll() is None:
            os.killpg(server.pid, signal.SIGTERM)
            server.wait()


def store_url() -> str:
    """Address of the store that this project's ZenML clients use, as they saved it; InputError if there is none yet."""
    given = os.environ.get("ZENML_STORE_URL")
    if given:
        return given
    file = Path(os.environ["ZENML_CONFIG_PATH"]) / "config.yaml"
    saved = yaml.safe_load(file.read_text(encoding="utf-8")) if file.is_file() else None
    if not saved or not saved.get("store"):  # ZenML writes the file before it has a store
        raise InputError(f"{file.parent}: no ZenML store yet; `make run` makes one")
    address = str(saved["store"]["url"])
    if not address.startswith(("sqlite:", "http:", "https:")):
        raise InputError(f"{file}: the dashboard shows an SQLite store or a server, not {address.partition(':')[0]}")
    return address


def _server_environment(store: str) -> dict[str, str]:
    """What makes this process a ZenML server without login over the clients' database and local files."""
    clients_files = str(Path(os.environ["ZENML_CONFIG_PATH"]) / "local_stores")
    return {
        "ZENML_CONFIG_PATH": str(state_folder() / "dashboard"),
        "ZENML_STORE_URL": store,
        "ZENML_LOCAL_STORES_PATH": os.environ.get("ZENML_LOCAL_STORES_PATH", clients_files),
        "ZENML_SERVER": "true",
        "ZENML_SERVER_ALLOW_LOCAL_FILE_ACCESS": "true",
        "ZENML_SERVER_AUTH_SCHEME": "NO_AUTH",
        "ZENML_SERVER_DEPLOYMENT_TYPE": "local",
        "ZENML_SERVER_AUTO_ACTIVATE": "true",
        "ZENML_SERVER_SECURE_HEADERS_CSP": _ONLY_FROM_HERE,
        "ZENML_LOGGING_VERBOSITY": "WARNING",
    }


def _announce(address: str) -> None:
    """Once the server answers: skip its questionnaire for new users, and say that it is ready."""
    deadline = time.monotonic() + _START_UP
    while not _answers(f"{address}/health"):
        if time.monotonic() > deadline:
            click.echo(f"ZenML dashboard: no answer after {_START_UP:.0f} s", err=True)
            return
        time.sleep(0.2)
    with suppress(requests.RequestException):  # at worst the questionnaire is seen once
        _finish_onboarding(address)
    click.echo(f"ZenML dashboard: {address}/projects/default/runs (Ctrl+C ends it)")


def _answers(address: str) -> bool:
    try:
        return requests.get(address, timeout=_ANSWER).ok
    except requests.RequestException:
        return False


def _finish_onboarding(address: str) -> None:
    user = f"{address}/api/v1/current-user"
    metadata: dict[str, Any] = requests.get(user, timeout=_ANSWER).json()["metadata"]["user_metadata"]
    if "finished_onboarding_survey" not in metadata:
        metadata["finished_onboarding_survey"] = True
        requests.put(
            user, json={"user_metadata": metadata, "email_opted_in": False}, timeout=_ANSWER
        ).raise_for_status()


@click.command()
@click.argument("which", type=click.Choice(["zenml", "mlflow"]))
def main(which: str) -> None:
    """Serve the ZenML dashboard or the MLflow UI on 127.0.0.1, until Ctrl+C."""
    prepare()
    try:
        (serve_zenml if which == "zenml" else serve_mlflow)()
    except KeyboardInterrupt:
        click.echo("stopped")
    except HealthPredictError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
