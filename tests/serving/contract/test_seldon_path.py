"""The Seldon path: jsonData and ndarray in, the same kind out, with the version in meta.tags."""

import json

import numpy as np
import pytest

from health_predict.record_schema import POSITIONAL

V1, V01 = "/api/v1.0/predictions", "/api/v0.1/predictions"


def tags(endpoint) -> dict[str, str]:
    release = endpoint.release
    return {"model_name": release.model_name, "model_version": release.model_version, "run_id": release.run_id}


def post(endpoint, body: object, path: str = V1):
    return endpoint.client.post(path, json=body)


@pytest.mark.parametrize("path", [V1, V01])
def test_one_record_as_json_data(endpoint, records, path: str) -> None:
    response = post(endpoint, {"jsonData": records[0]}, path)
    assert response.status_code == 200
    answer = response.json()
    assert set(answer) == {"jsonData", "meta"}
    assert answer["meta"] == {"tags": tags(endpoint)}
    probability = endpoint.expected(records[:1])[0]
    assert answer["jsonData"] == {
        "prediction": int(probability >= endpoint.scorer.threshold),
        "probability_score": pytest.approx(probability, abs=1e-6),
        "model_version": endpoint.release.model_version,
        "run_id": endpoint.release.run_id,
    }


@pytest.mark.parametrize("path", [V1, V01])
def test_a_list_of_records_as_json_data(endpoint, records, path: str) -> None:
    answer = post(endpoint, {"jsonData": records}, path).json()
    scores = [item["probability_score"] for item in answer["jsonData"]["predictions"]]
    assert np.max(np.abs(np.array(scores) - endpoint.expected(records))) <= 1e-6
    assert answer["jsonData"]["model_version"] == answer["meta"]["tags"]["model_version"]


@pytest.mark.parametrize("path", [V1, V01])
def test_rows_in_the_published_order(endpoint, records, path: str) -> None:
    rows = [[record[name] for name in POSITIONAL] for record in records]
    answer = post(endpoint, {"data": {"ndarray": rows}}, path).json()
    _assert_rows(endpoint, records, answer)


def test_rows_with_names_in_another_order(endpoint, records) -> None:
    names = sorted(POSITIONAL, reverse=True)
    rows = [[record[name] for name in names] for record in records]
    underscored = [name.replace("-", "_") for name in names]
    _assert_rows(endpoint, records, post(endpoint, {"data": {"names": names, "ndarray": rows}}).json())
    _assert_rows(endpoint, records, post(endpoint, {"data": {"names": underscored, "ndarray": rows}}).json())


def _assert_rows(endpoint, records, answer) -> None:
    assert answer["data"]["names"] == ["prediction", "probability_score"]
    expected = endpoint.expected(records)
    found = np.array(answer["data"]["ndarray"], dtype=np.float64)
    assert found.shape == (len(records), 2)
    assert np.max(np.abs(found[:, 1] - expected)) <= 1e-6
    assert found[:, 0].tolist() == [float(score >= endpoint.scorer.threshold) for score in found[:, 1]]
    assert answer["meta"] == {"tags": tags(endpoint)}


def test_golden_records_of_the_release(endpoint, endpoint_address) -> None:
    golden = json.loads((endpoint_address[1] / "golden.json").read_text())
    answer = post(endpoint, {"jsonData": golden["records"]}).json()
    scores = [item["probability_score"] for item in answer["jsonData"]["predictions"]]
    assert np.max(np.abs(np.array(scores) - golden["probabilities"])) <= 1e-6


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        "text",
        {"strData": "text"},
        {"binData": "AAAA"},
        {"jsonData": {}, "data": {"ndarray": []}},
        {"jsonData": []},
        {"jsonData": "text"},
        {"data": {"tensor": {"shape": [1], "values": [1]}}},
        {"data": {"ndarray": []}},
        {"data": {"ndarray": "text"}},
        {"data": {"ndarray": [["a"]]}},
        {"data": {"names": "age", "ndarray": [["a"]]}},
        {"data": {"names": ["age", "age"], "ndarray": [["[0-10)", "[0-10)"]]}},
        {"data": [1, 2]},
        {"jsonData": {}, "meta": []},
        {"jsonData": {}, "meta": {"tags": {"explain": "yes"}}},
    ],
)
def test_messages_of_another_shape_are_refused_with_422(endpoint, body: object) -> None:
    response = post(endpoint, body)
    assert response.status_code == 422
    status = response.json()["status"]
    assert (status["status"], status["code"], status["reason"]) == (1, 422, "INVALID_INPUT")
    assert "\n" not in status["info"]


def test_a_bad_field_is_named_with_its_rule(endpoint, records) -> None:
    response = post(endpoint, {"jsonData": [records[0], {**records[1], "age": "forty"}]})
    assert response.status_code == 422
    (problem,) = response.json()["errors"]
    assert (problem["record"], problem["field"]) == (1, "age")
    assert problem["problem"].startswith("must be one of [0-10)")
    assert "forty" not in response.text


def test_explanations_come_only_with_json_data(endpoint, records) -> None:
    rows = [[records[0][name] for name in POSITIONAL]]
    asked = {"data": {"ndarray": rows}, "meta": {"tags": {"explain": True}}}
    assert post(endpoint, asked).status_code == 422


def test_what_a_graph_adds_to_meta_is_left_alone(endpoint, records) -> None:
    meta = {"puid": "abc", "routing": {"a": 1}, "requestPath": {"a": "b"}, "tags": {"other": 1}}
    response = post(endpoint, {"jsonData": records[0], "meta": meta})
    assert response.status_code == 200
    assert response.json()["meta"] == {"tags": tags(endpoint)}


@pytest.mark.parametrize("path", [V1, V01])
def test_unreadable_json_is_answered_with_400(endpoint, path: str) -> None:
    response = endpoint.client.post(path, content=b'{"jsonData": ', headers={"Content-Type": "application/json"})
    assert response.status_code == 400
    assert response.json()["status"]["reason"] == "UNREADABLE"
