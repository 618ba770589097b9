"""The routes of the container itself: /predict, /health, /model-info, /metrics, and every code that is no 200."""

import json

import numpy as np
import pytest

from health_predict.columns import INPUTS
from health_predict.record_schema import POSITIONAL

JSON = {"Content-Type": "application/json"}
POSTED = ("/predict", "/api/v1.0/predictions", "/api/v0.1/predictions")
READ = ("/health", "/model-info", "/metrics", "/openapi.json", "/health/ping", "/health/status", "/metadata")


def assert_refused(response, code: int) -> dict:
    assert response.status_code == code, response.text
    body = response.json()
    assert set(body) == {"status", "errors"}
    assert body["status"]["code"] == code
    assert body["status"]["info"].count("\n") == 0
    return body


def test_one_record(endpoint, records) -> None:
    response = endpoint.client.post("/predict", json=records[0])
    probability = endpoint.expected(records[:1])[0]
    assert response.status_code == 200
    assert response.json() == {
        "prediction": int(probability >= endpoint.scorer.threshold),
        "probability_score": pytest.approx(probability, abs=1e-6),
        "model_version": endpoint.release.model_version,
        "run_id": endpoint.release.run_id,
    }


def test_a_list_of_records(endpoint, records) -> None:
    answer = endpoint.client.post("/predict", json=records).json()
    scores = [item["probability_score"] for item in answer["predictions"]]
    assert np.max(np.abs(np.array(scores) - endpoint.expected(records))) <= 1e-6
    assert answer["model_version"] == endpoint.release.model_version


def test_a_seldon_message_is_answered_as_on_seldons_path(endpoint, records) -> None:
    """In a pod, Seldon's orchestrator posts to /predict of the model what it gets at /api/v1.0/predictions."""
    rows = [[record[name] for name in POSITIONAL] for record in records]
    bad = {"jsonData": {**records[0], "age": "forty"}}
    for message in ({"jsonData": records[0]}, {"jsonData": records}, {"data": {"ndarray": rows}}, bad, {"data": [1]}):
        here, there = (endpoint.client.post(path, json=message) for path in ("/predict", "/api/v1.0/predictions"))
        assert (here.status_code, here.json()) == (there.status_code, there.json())


def test_null_and_absent_mean_missing_and_underscores_mean_hyphens(endpoint, records) -> None:
    optional = [column.name for column in INPUTS if column.missing or "None" in column.categories]
    nulls = {**records[0], **dict.fromkeys(optional)}
    absent = {name: value for name, value in records[0].items() if name not in optional}
    underscored = {name.replace("-", "_"): value for name, value in absent.items()}
    scores = {
        endpoint.client.post("/predict", json=record).json()["probability_score"]
        for record in (nulls, absent, underscored)
    }
    assert len(scores) == 1
    assert scores.pop() == pytest.approx(endpoint.expected([absent])[0], abs=1e-6)


def test_health_says_which_version_is_ready(endpoint) -> None:
    response = endpoint.client.get("/health")
    assert response.status_code == 200
    release = endpoint.release
    assert response.json() == {"status": "ready", "model_version": release.model_version, "run_id": release.run_id}


def test_seldon_probes(endpoint) -> None:
    assert endpoint.client.get("/health/ping").text == "pong"
    assert endpoint.client.get("/health/status").json()["status"] == "ready"
    assert endpoint.client.get("/metadata").json()["inputs"][0]["schema"]["names"] == list(POSITIONAL)


def test_model_info_describes_the_model(endpoint) -> None:
    info = endpoint.client.get("/model-info").json()
    manifest = endpoint.scorer.manifest
    assert info["columns"] == list(POSITIONAL)
    assert {name: info[name] for name in ("target", "threshold", "family", "provenance", "created_at")} == {
        name: manifest[name] for name in ("target", "threshold", "family", "provenance", "created_at")
    }
    assert (info["model_name"], info["model_version"]) == (endpoint.release.model_name, endpoint.release.model_version)


def test_metrics_count_requests_scores_and_say_the_version(endpoint, records) -> None:
    before = _samples(endpoint)
    endpoint.client.post("/predict", json=records)
    endpoint.client.post("/predict", json={})
    after = _samples(endpoint)

    def grown(name: str) -> float:
        return after.get(name, 0.0) - before.get(name, 0.0)

    assert grown('health_predict_requests_total{code="200",route="/predict"}') == 1
    assert grown('health_predict_requests_total{code="422",route="/predict"}') == 1
    assert grown('health_predict_request_seconds_count{route="/predict"}') == 2
    assert grown("health_predict_score_count") == len(records)
    assert grown("health_predict_score_sum") == pytest.approx(endpoint.expected(records).sum(), abs=1e-4)
    release = endpoint.release
    labels = f'model_version="{release.model_version}",run_id="{release.run_id}"'
    assert after[f"health_predict_model_info{{{labels}}}"] == 1
    assert after["health_predict_releases_refused_total"] == 0


def _samples(endpoint) -> dict[str, float]:
    lines = [line for line in endpoint.client.get("/metrics").text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}


@pytest.mark.parametrize("path", POSTED)
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"{'age': 1}",
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b'{"a": -Infinity}',
        b'{"a": 1, "a": 1}',
        b'{"a": {"b": 1, "b": 1}}',
        b"\xff\xfe{",
        b'"\xed\xa0\x80"',
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b"1" * 5000,
        b"\xef\xbb\xbf{}",
        b"{} {}",
    ],
    ids=range(15),
)
def test_what_is_not_strict_json_is_answered_with_400(endpoint, path: str, body: bytes) -> None:
    assert_refused(endpoint.client.post(path, content=body, headers=JSON), 400)


@pytest.mark.parametrize("path", POSTED)
@pytest.mark.parametrize("value", [None, [], "text", 1, True, [[]], [None]])
def test_json_that_is_no_request_is_answered_with_422(endpoint, path: str, value: object) -> None:
    assert_refused(endpoint.client.post(path, content=json.dumps(value), headers=JSON), 422)


@pytest.mark.parametrize("path", POSTED)
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "multipart/form-data; boundary=x"},
        {"Content-Type": "application/json; charset=utf-16"},
        {"Content-Type": "application/json", "Content-Encoding": "gzip"},
    ],
)
def test_another_content_type_is_answered_with_415(endpoint, path: str, headers: dict) -> None:
    assert_refused(endpoint.client.post(path, content=b"json={}", headers=headers), 415)


@pytest.mark.parametrize("path", POSTED)
def test_a_request_in_the_query_string_is_refused(endpoint, records, path: str) -> None:
    response = endpoint.client.post(path, params={"json": json.dumps(records[0])}, json={})
    assert_refused(response, 422)


@pytest.mark.parametrize("explain", ["yes", "1", "", "True"])
def test_explain_is_true_or_false(endpoint, records, explain: str) -> None:
    assert_refused(endpoint.client.post("/predict", params={"explain": explain}, json=records[0]), 422)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE"])
@pytest.mark.parametrize("path", POSTED)
def test_another_method_than_post_is_answered_with_405(endpoint, path: str, method: str) -> None:
    response = endpoint.client.request(method, path)
    assert response.status_code == 405
    assert response.headers["Allow"] == "POST"


@pytest.mark.parametrize("path", READ)
def test_posting_to_what_is_only_read_is_answered_with_405(endpoint, path: str) -> None:
    response = endpoint.client.post(path, json={})
    assert_refused(response, 405)
    assert response.headers["Allow"] == "GET, HEAD"
    assert endpoint.client.head(path).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/predict/",
        "/seldon.json",
        "/openapi/seldon.json",
        "/api/v1.0/feedback",
        "/send-feedback",
        "/transform-input",
        "/transform-output",
        "/route",
        "/aggregate",
        "/api/v1.0/metadata",
        "/api/v1.0/health/status",
        "/static/x",
        "/../etc/passwd",
    ],
)
def test_what_is_not_published_is_answered_with_404(endpoint, path: str) -> None:
    assert_refused(endpoint.client.get(path), 404)
    assert_refused(endpoint.client.post(path, json={}), 404)


def test_a_large_body_is_answered_with_413_whether_or_not_its_length_is_told(endpoint) -> None:
    large = b'"' + b"a" * (2 * 2**20) + b'"'
    assert_refused(endpoint.client.post("/predict", content=large, headers=JSON), 413)
    chunks = (large[i : i + 2**16] for i in range(0, len(large), 2**16))
    assert_refused(endpoint.client.post("/predict", content=chunks, headers=JSON), 413)


def test_a_chunked_request_is_answered(endpoint, records) -> None:
    text = json.dumps(records[0]).encode()
    response = endpoint.client.post("/predict", content=iter([text[:100], text[100:]]), headers=JSON)
    assert response.status_code == 200


def test_at_most_a_thousand_records(endpoint, records) -> None:
    many = [records[0]] * 1000
    assert len(endpoint.client.post("/predict", json=many).json()["predictions"]) == 1000
    assert_refused(endpoint.client.post("/predict", json=[*many, records[0]]), 413)
    assert_refused(endpoint.client.post("/api/v1.0/predictions", json={"jsonData": [*many, records[0]]}), 413)


def test_at_most_a_hundred_explanations(endpoint, records) -> None:
    explained = {"explain": "true"}
    answer = endpoint.client.post("/predict", params=explained, json=[records[0]] * 100).json()
    assert len(answer["predictions"]) == 100
    assert all(len(item["explanation"]["contributions"]) == 5 for item in answer["predictions"])
    assert_refused(endpoint.client.post("/predict", params=explained, json=[records[0]] * 101), 413)


def test_thousands_of_unknown_fields_are_refused_at_once(endpoint, records) -> None:
    """Each that is named costs a search for the field that was meant, so that few are."""
    flood = {**records[0], **{f"metformin{i}": 1 for i in range(80_000)}}
    body = assert_refused(endpoint.client.post("/predict", json=flood), 422)
    assert len(body["errors"]) == 10


def test_many_problems_are_not_all_listed(endpoint) -> None:
    body = assert_refused(endpoint.client.post("/predict", json=[{}] * 1000), 422)
    assert len(body["errors"]) == 100
    assert "the first of them" in body["status"]["info"]


@pytest.mark.parametrize("path", [*READ, "/nowhere"])
def test_no_answer_is_stored_by_a_cache_or_open_to_other_origins(endpoint, path: str) -> None:
    response = endpoint.client.get(path, headers={"Origin": "https://example.org"})
    assert response.headers["Cache-Control"] == "no-store"
    assert not [name for name in response.headers if name.startswith("access-control")]
