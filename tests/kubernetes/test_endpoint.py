"""A real SeldonDeployment through the adapter, in the order of the file: deployed, updated under load, deleted."""

import json
import os
import subprocess
import sys

import pytest
import requests

from adapters.seldon_verification import verify
from health_predict.errors import InfrastructureError
from health_predict.rollout import Deployed
from stacks.environment import PROJECT
from tests.kubernetes.conftest import Version
from tests.kubernetes.load import steady_load

PATIENCE = 600.0  # seconds for a roll-out, in which images may be pulled


@pytest.fixture(scope="module")
def deployed(endpoint, versions) -> Deployed:
    """The first version serves."""
    return _deploy(endpoint, versions[0])


def _deploy(endpoint, version: Version) -> Deployed:
    return endpoint.deploy(version.folder, version.release, version.image, PATIENCE)


def _golden(version: Version) -> dict:
    return json.loads((version.folder / "golden.json").read_text())


def _verify(url: str, version: Version) -> None:
    result = verify(url, version.release, _golden(version), requests_=20, timeout=30)
    assert result.passed, result.reason


def test_the_first_version_answers_through_the_ingress(deployed, versions) -> None:
    assert deployed.endpoint.state == "running"
    _verify(deployed.endpoint.url, versions[0])


def test_it_keeps_the_contract_of_every_endpoint(deployed, versions) -> None:
    address = deployed.endpoint.url.removesuffix("/api/v1.0/predictions")
    environment = {
        **os.environ,
        "HEALTH_PREDICT_CONTRACT_URL": address,
        "HEALTH_PREDICT_CONTRACT_RELEASE": str(versions[0].folder),
        "HEALTH_PREDICT_CONTRACT_ROUTES": "seldon",
    }
    command = [sys.executable, "-m", "pytest", "-n", "0", "-q", "-p", "no:cacheprovider", "tests/serving/contract"]
    done = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout[-4000:]


def test_an_update_keeps_name_and_url_and_loses_no_request(endpoint, deployed, versions) -> None:
    record = _golden(versions[0])["records"][0]
    with steady_load(deployed.endpoint.url, record) as load:
        updated = _deploy(endpoint, versions[1])
        _verify(updated.endpoint.url, versions[1])
    assert (updated.endpoint.name, updated.endpoint.url) == (deployed.endpoint.name, deployed.endpoint.url)
    assert updated.previous == versions[0].release.model_version
    assert load.failures == []
    assert set(load.versions) == {version.release.model_version for version in versions}


def test_an_image_that_does_not_exist_is_told_and_the_endpoint_serves_on(endpoint, deployed, versions) -> None:
    second = versions[1]
    absent = f"{second.image.partition('@')[0]}-does-not-exist"
    with pytest.raises(InfrastructureError, match=rf"version {second.release.model_version} is put back"):
        endpoint.deploy(second.folder, second.release, absent, 45.0)
    _verify(deployed.endpoint.url, second)


def test_restore_brings_the_version_before_back(endpoint, deployed, versions) -> None:
    updated = _deploy(endpoint, versions[0])
    restored = endpoint.restore(updated, PATIENCE)
    assert restored.model_version == versions[1].release.model_version
    _verify(restored.url, versions[1])


def test_a_stopped_endpoint_is_gone(endpoint, deployed) -> None:
    assert endpoint.stop().state == "stopped"
    assert endpoint.find() is None
    answer = requests.post(deployed.endpoint.url, json={"jsonData": {}}, timeout=30)
    assert answer.status_code in (404, 503)  # no route any more, or none that has pods
