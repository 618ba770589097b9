"""The local deployer with real servers: what it promises, and what it does when something is broken."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psutil
import pytest

from adapters.seldon_local import SeldonLocal
from health_predict.errors import InfrastructureError
from health_predict.example import EXAMPLE
from health_predict.release import read_release
from health_predict.scorer import load_scorer
from stacks.environment import PROJECT

ONE, TWO, THREE = "logistic_regression", "random_forest", "xgboost"


@pytest.fixture
def name(request: pytest.FixtureRequest, deployer) -> Iterator[str]:
    """The endpoint of the test, whose server ends with it."""
    chosen = request.node.name.replace("_", "-")[:40]
    yield chosen
    service = deployer.find_endpoint(chosen)
    if service is not None:
        service.server.stop()


def deploy(deployer, name: str, folder: Path):
    return SeldonLocal(deployer, name).deploy(folder, read_release(folder), None, 30)


def ask(url: str) -> dict:
    return httpx.post(url, json={"jsonData": EXAMPLE}, timeout=10).raise_for_status().json()


def version_at(url: str) -> str:
    return ask(url)["meta"]["tags"]["model_version"]


def elsewhere(code: str, **options) -> subprocess.CompletedProcess:
    """Run code in another process of this project."""
    start = """
        from stacks.environment import prepare
        prepare()
        from pathlib import Path
        from zenml.client import Client
        from adapters.seldon_local import SeldonLocal
        from health_predict.release import read_release
        def endpoint(name): return SeldonLocal(Client().active_stack.model_deployer, name)
        def deploy(name, folder): return endpoint(name).deploy(Path(folder), read_release(Path(folder)), None, 60)
    """
    text = textwrap.dedent(start) + code
    return subprocess.run([sys.executable, "-c", text], cwd=PROJECT, capture_output=True, text=True, **options)


def test_it_serves_is_found_and_stopped_from_another_process(deployer, releases, name) -> None:
    done = deploy(deployer, name, releases[ONE])
    assert (done.endpoint.state, done.endpoint.model_version, done.previous) == ("running", "1", None)
    expected = load_scorer(releases[ONE]).probabilities([EXAMPLE])[0]
    assert ask(done.endpoint.url)["jsonData"]["probability_score"] == pytest.approx(expected, abs=1e-6)

    found = elsewhere(f"print(endpoint({name!r}).find().url)", check=True)
    assert found.stdout.strip() == done.endpoint.url
    stopped = elsewhere(f"print(endpoint({name!r}).stop().state)", check=True)
    assert stopped.stdout.strip() == "stopped"
    with pytest.raises(httpx.ConnectError):
        ask(done.endpoint.url)
    assert SeldonLocal(deployer, name).find().state == "stopped"

    again = deploy(deployer, name, releases[TWO])
    assert (again.endpoint.url, again.previous) == (done.endpoint.url, "1")


def test_five_redeployments_under_load_fail_no_request_and_keep_url_and_process(deployer, releases, name) -> None:
    url = deploy(deployer, name, releases[ONE]).endpoint.url
    pid = deployer.find_endpoint(name).server.find().pid
    expected = {read_release(f).model_version: load_scorer(f).probabilities([EXAMPLE])[0] for f in releases.values()}
    wrong, counts, stop = [], {}, threading.Event()

    def load() -> None:
        with httpx.Client(timeout=10) as client:
            while not stop.is_set():
                try:
                    answer = client.post(url, json={"jsonData": EXAMPLE}).raise_for_status().json()
                except httpx.HTTPError as error:
                    wrong.append(repr(error))
                    continue
                version = answer["meta"]["tags"]["model_version"]
                counts[version] = counts.get(version, 0) + 1
                if abs(answer["jsonData"]["probability_score"] - expected[version]) > 1e-6:
                    wrong.append(f"version {version} answered with another one's probability")
                time.sleep(0.002)

    threads = [threading.Thread(target=load) for _ in range(2)]
    for thread in threads:
        thread.start()
    for family in (TWO, THREE, ONE, TWO, THREE):
        assert deploy(deployer, name, releases[family]).endpoint.url == url
    stop.set()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert set(counts) == {"1", "2", "3"}
    assert deployer.find_endpoint(name).server.find().pid == pid


def test_a_broken_release_is_refused_and_the_old_one_serves_on(deployer, releases, name, tmp_path) -> None:
    url = deploy(deployer, name, releases[ONE]).endpoint.url
    broken = Path(shutil.copytree(releases[TWO], tmp_path / "broken"))
    golden = json.loads((broken / "golden.json").read_text())
    golden["probabilities"][0] += 0.01
    (broken / "golden.json").write_text(json.dumps(golden))
    with pytest.raises(InfrastructureError, match=r"refused version 2: .*golden records.*; version 1 serves on"):
        deploy(deployer, name, broken)
    assert version_at(url) == "1"
    assert SeldonLocal(deployer, name).find().model_version == "1"


def test_a_broken_first_release_leaves_no_server_and_no_record(deployer, releases, name, tmp_path) -> None:
    broken = Path(shutil.copytree(releases[TWO], tmp_path / "broken"))
    (broken / "model.onnx").write_bytes(b"nothing")
    with pytest.raises(InfrastructureError, match=r"refused version 2: .*; nothing is served"):
        deploy(deployer, name, broken)
    assert SeldonLocal(deployer, name).find() is None
    assert not [p for p in psutil.process_iter() if name in _bundle_of(p)]


def _bundle_of(process: psutil.Process) -> str:
    try:
        return process.environ().get("HEALTH_PREDICT_BUNDLE", "")
    except psutil.Error:
        return ""


def test_a_missing_serving_environment_names_the_cure(deployer, releases, name) -> None:
    service = deployer.serve(name, releases[ONE])
    service.stop(timeout=10)
    service.config.python = "/nowhere/bin/python"
    with pytest.raises(InfrastructureError, match=r"environment is missing \(/nowhere/bin/python\); run: make setup"):
        service.serve(releases[TWO], 10)


@pytest.mark.parametrize("everything", [True, False])
def test_a_killed_server_is_started_again_at_the_same_url(deployer, releases, name, everything: bool) -> None:
    url = deploy(deployer, name, releases[ONE]).endpoint.url
    process = deployer.find_endpoint(name).server.find()
    if everything:
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()  # its worker lives on for a moment and holds the port
    assert SeldonLocal(deployer, name).find().state == "stopped"
    assert deploy(deployer, name, releases[TWO]).endpoint.url == url
    assert version_at(url) == "2"


def test_restore_brings_back_what_served_before(deployer, releases, name) -> None:
    deploy(deployer, name, releases[ONE])
    endpoint, done = SeldonLocal(deployer, name), deploy(deployer, name, releases[TWO])
    assert endpoint.restore(done, 30).model_version == "1"
    assert version_at(done.endpoint.url) == "1"


def test_restore_of_a_first_deployment_stops_it(deployer, releases, name) -> None:
    endpoint, done = SeldonLocal(deployer, name), deploy(deployer, name, releases[ONE])
    assert endpoint.restore(done, 30).state == "stopped"


def test_a_taken_port_is_passed_over_and_the_other_one_kept(deployer, releases, name) -> None:
    with socket.socket() as blocker:
        blocker.bind(("127.0.0.1", 0))
        blocker.listen()
        taken = blocker.getsockname()[1]
        service = deployer.serve(name, releases[ONE])
        service.stop(timeout=10)
        service.endpoint.status.port = taken
        service.config.port = taken
        service.serve(releases[ONE], 30)
        first = service.prediction_url
        assert f":{taken}/" not in first
    assert version_at(first) == "1"
    service.stop(timeout=10)
    service.start(timeout=20)
    assert service.prediction_url == first


def test_an_endpoint_outlives_the_task_that_deployed_it(deployer, releases, name) -> None:
    code = f"deploy({name!r}, {str(releases[ONE])!r}); import os, signal; os.killpg(0, signal.SIGKILL)"
    assert elsewhere(code, start_new_session=True).returncode == -signal.SIGKILL
    found = SeldonLocal(deployer, name).find()
    assert found.state == "running"
    assert version_at(found.url) == "1"


def test_a_foreign_process_with_the_old_pid_is_left_alone(deployer, releases, name) -> None:
    service = deployer.serve(name, releases[ONE])
    service.stop(timeout=10)
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as foreign:
        service.server.pid_file.write_text(str(foreign.pid))
        assert service.server.find() is None
        service.stop(timeout=10)
        assert foreign.poll() is None
        foreign.kill()


def test_the_server_gets_none_of_our_credentials(deployer, releases, name, monkeypatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "canary")
    service = deployer.serve(name, releases[ONE])
    assert "canary" not in service.server.find().environ().values()


def test_an_endpoint_whose_record_is_lost_is_found_by_its_folder_and_kept(deployer, releases, name) -> None:
    from zenml.client import Client

    first = deploy(deployer, name, releases[ONE]).endpoint
    pid = deployer.find_endpoint(name).server.find().pid
    Client().delete_service(deployer.find_endpoint(name).uuid)
    again = deploy(deployer, name, releases[TWO]).endpoint
    assert (again.url, again.model_version) == (first.url, "2")
    assert deployer.find_endpoint(name).server.find().pid == pid


def test_two_deployments_at_once_leave_one_server(deployer, releases, name) -> None:
    code = f"deploy({name!r}, {str(releases[ONE])!r})"
    with ThreadPoolExecutor(2) as both:
        done = list(both.map(elsewhere, [code, code]))
    assert [process.returncode for process in done] == [0, 0], [process.stderr[-500:] for process in done]
    masters = [p for p in psutil.process_iter() if name in _bundle_of(p) and os.getsid(p.pid) == p.pid]
    assert len(masters) == 1
    assert version_at(SeldonLocal(deployer, name).find().url) == "1"
