"""The server answers what training computes, for every family, however a missing value is sent."""

from collections.abc import Iterator

import httpx
import numpy as np
import pytest

from health_predict.bundle import frame_records
from health_predict.columns import INPUTS
from health_predict.families import FAMILIES, Family
from tests.serving.processes import ServerProcess, server

LABS = ("max_glu_serum", "A1Cresult")
OPTIONAL = [column.name for column in INPUTS if column.missing or column.name in LABS]
ROWS = 1000


@pytest.fixture(scope="module", params=FAMILIES)
def family(request) -> Family:
    return request.param


@pytest.fixture(scope="module")
def started(family: Family, releases, tmp_path_factory) -> Iterator[ServerProcess]:
    with server(releases[family], tmp_path_factory.mktemp("parity") / "server.log") as running:
        yield running


def scores(started: ServerProcess, records: list[dict]) -> np.ndarray:
    response = httpx.post(f"{started.url}/predict", json=records, timeout=30)
    assert response.status_code == 200, response.text
    return np.array([item["probability_score"] for item in response.json()["predictions"]])


def test_held_out_rows_with_nulls_and_left_out_fields(started, family: Family, served_models, real_splits) -> None:
    held_out = real_splits.test.head(ROWS)
    records = frame_records(held_out)
    as_nulls = [{n: None if n in LABS and v == "None" else v for n, v in record.items()} for record in records]
    left_out = [{n: v for n, v in record.items() if v is not None} for record in as_nulls]
    assert sum(record["A1Cresult"] is None for record in as_nulls) > ROWS / 2
    as_filed = scores(started, records)
    assert np.array_equal(scores(started, as_nulls), as_filed)
    assert np.array_equal(scores(started, left_out), as_filed)
    assert np.max(np.abs(as_filed - served_models[family].probabilities(held_out))) <= 1e-6


def test_the_prediction_follows_the_threshold_of_the_release(
    started, family: Family, served_models, real_splits
) -> None:
    records = frame_records(real_splits.test.head(ROWS))
    answers = httpx.post(f"{started.url}/predict", json=records, timeout=30).json()["predictions"]
    threshold = served_models[family].threshold
    assert {item["prediction"] for item in answers} == {0, 1}
    assert all(item["prediction"] == (item["probability_score"] >= threshold) for item in answers)


def test_explanations_add_up_to_the_raw_score(started, family: Family, releases, real_splits) -> None:
    records = frame_records(real_splits.test.head(20))
    answer = httpx.post(f"{started.url}/predict", params={"explain": "true"}, json=records, timeout=30).json()
    unit = "probability" if family == "random_forest" else "log-odds"
    for item in answer["predictions"]:
        found = item["explanation"]
        shown = [part["contribution"] for part in found["contributions"]]
        assert found["unit"] == unit
        assert len(shown) == 5
        assert [abs(value) for value in shown] == sorted(map(abs, shown), reverse=True)
        assert found["base"] + sum(shown) + found["others"] == pytest.approx(found["raw_score"], abs=1e-6)
    assert _from_raw(answer["predictions"], unit) == pytest.approx(
        [item["probability_score"] for item in answer["predictions"]], abs=1e-5
    )


def _from_raw(predictions: list[dict], unit: str) -> list[float]:
    """Calibrate the raw scores of the explanations as the fixture's models are calibrated."""
    raw = np.array([item["explanation"]["raw_score"] for item in predictions])
    log_odds = raw if unit == "log-odds" else np.log(raw / (1 - raw))
    return list(1 / (1 + np.exp(-(1.1 * log_odds - 0.05))))


def test_seldon_explains_what_the_direct_route_explains(started, real_splits) -> None:
    record = frame_records(real_splits.test.head(1))[0]
    direct = httpx.post(f"{started.url}/predict", params={"explain": "true"}, json=record).json()
    asked = {"jsonData": record, "meta": {"tags": {"explain": True}}}
    assert httpx.post(f"{started.url}/api/v1.0/predictions", json=asked).json()["jsonData"] == direct
