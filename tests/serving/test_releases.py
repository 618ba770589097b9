"""A newer release takes over without a failed request; a bad one is refused, and the old one serves on."""

import shutil
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from health_predict.families import FAMILIES
from health_predict.records import generate_records
from health_predict.scorer import BUNDLE_FILES, load_scorer
from tests.serving.processes import server

RECORD = generate_records(1, seed=11)[0]


def point(link: Path, folder: Path) -> None:
    """Swap the link in one step, as a deployment does."""
    fresh = link.with_name("fresh")
    fresh.symlink_to(folder)
    fresh.replace(link)


def wait_for(true: Callable[[], bool], what: str, seconds: float = 15) -> None:
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, f"waited in vain for {what}"
        time.sleep(0.05)


def health(url: str) -> dict:
    return httpx.get(f"{url}/health").json()


@pytest.fixture()
def link(tmp_path: Path) -> Path:
    (tmp_path / "served").mkdir()
    return tmp_path / "served" / "current"


def damaged(release: Path, target: Path, name: str) -> Path:
    """Copy a release and cut one of its files in half."""
    shutil.copytree(release, target)
    content = (target / name).read_bytes()
    (target / name).write_bytes(content[: len(content) // 2])
    return target


class Load:
    """Sends one request after another on its own connection, and keeps what was answered."""

    def __init__(self, url: str) -> None:
        self.answers: list[tuple[str, float]] = []
        self.errors: list[str] = []
        self._url = url
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        with httpx.Client(base_url=self._url, timeout=10) as client:
            while not self._end.is_set():
                try:
                    response = client.post("/api/v1.0/predictions", json={"jsonData": RECORD})
                    answer = response.raise_for_status().json()
                    scored = answer["jsonData"]
                    assert scored["model_version"] == answer["meta"]["tags"]["model_version"]
                    self.answers.append((scored["model_version"], scored["probability_score"]))
                except Exception as error:
                    self.errors.append(repr(error))
                time.sleep(0.002)

    def stop(self) -> None:
        self._end.set()
        self._thread.join()


def test_five_swaps_under_constant_load_fail_no_request_and_mix_no_versions(releases, link: Path, tmp_path) -> None:
    folders = {str(version): releases[family] for version, family in enumerate(FAMILIES, start=1)}
    expected = {version: load_scorer(folder).probabilities([RECORD])[0] for version, folder in folders.items()}
    assert len(set(expected.values())) == 3
    link.symlink_to(folders["1"])
    with server(link, tmp_path / "server.log") as started:
        loads = [Load(started.url) for _ in range(2)]
        for version in ("2", "3", "1", "3", "2"):
            point(link, folders[version])
            wait_for(lambda v=version: health(started.url)["model_version"] == v, f"version {version}")
        for load in loads:
            load.stop()
    answers = [answer for load in loads for answer in load.answers]
    assert [load.errors for load in loads] == [[], []]
    assert set(Counter(version for version, _ in answers)) == {"1", "2", "3"}
    assert all(abs(score - expected[version]) <= 1e-9 for version, score in answers)


def test_a_damaged_release_is_refused_and_the_old_one_serves_on(releases, link: Path, tmp_path: Path) -> None:
    link.symlink_to(releases["xgboost"])
    bad = damaged(releases["random_forest"], tmp_path / "served" / "release-9", "model.onnx")
    with server(link, tmp_path / "server.log") as started:
        before = httpx.post(f"{started.url}/predict", json=RECORD).json()
        point(link, bad)
        wait_for(lambda: "refused" in health(started.url), "the refusal")
        assert httpx.get(f"{started.url}/health").status_code == 200
        refused = health(started.url)["refused"]
        assert refused["release"] == "release-9"
        assert "unreadable" in refused["reason"]
        assert httpx.post(f"{started.url}/predict", json=RECORD).json() == before
        assert "health_predict_releases_refused_total 1.0" in httpx.get(f"{started.url}/metrics").text
        point(link, releases["random_forest"])
        wait_for(lambda: health(started.url)["model_version"] == "2", "version 2")
        assert "refused" not in health(started.url)
    assert "version 3 serves on" in (tmp_path / "server.log").read_text()


@pytest.mark.parametrize("name", [*BUNDLE_FILES, "release.json"])
def test_a_server_started_on_a_damaged_release_is_never_ready(name: str, releases, link: Path, tmp_path) -> None:
    link.symlink_to(damaged(releases["xgboost"], tmp_path / "served" / "bad", name))
    with server(link, tmp_path / "server.log", ready=False) as started:
        wait_for(lambda: "refused" in health(started.url), "the refusal")
        response = httpx.get(f"{started.url}/health")
        assert response.status_code == 503
        assert response.json()["status"] == "not ready"
        assert "bad" in response.json()["reason"]
        for path, body in (("/predict", RECORD), ("/api/v1.0/predictions", {"jsonData": RECORD})):
            refused = httpx.post(f"{started.url}{path}", json=body)
            assert (refused.status_code, refused.json()["status"]["code"]) == (503, 503)
        assert httpx.get(f"{started.url}/model-info").status_code == 503
        assert httpx.get(f"{started.url}/health/status").status_code == 503
        assert httpx.get(f"{started.url}/health/ping").status_code == 200


def test_a_server_without_a_release_waits_for_one(releases, link: Path, tmp_path: Path) -> None:
    with server(link, tmp_path / "server.log", ready=False) as started:
        wait_for(lambda: "refused" in health(started.url), "the refusal")
        assert "run.py --pipeline deploy" in health(started.url)["reason"]
        point(link, releases["xgboost"])
        wait_for(lambda: health(started.url)["status"] == "ready", "the release")


def test_a_changed_golden_record_is_refused(releases, link: Path, tmp_path: Path) -> None:
    tampered = tmp_path / "served" / "tampered"
    shutil.copytree(releases["xgboost"], tampered)
    shutil.copy(releases["logistic_regression"] / "golden.json", tampered / "golden.json")
    link.symlink_to(tampered)
    with server(link, tmp_path / "server.log", ready=False) as started:
        wait_for(lambda: "refused" in health(started.url), "the refusal")
        assert "golden records are off by" in health(started.url)["reason"]
