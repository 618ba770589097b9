import json
import os
import re
import socket
from types import SimpleNamespace

import nltk.data
import numpy as np
import pandas as pd
import pytest

from adapters.evidently_reports import EvidentlyReports, Matured, Scores, build_reports, validator_of_stack
from health_predict.columns import ENCOUNTER, PATIENT
from health_predict.errors import InputError
from health_predict.monitoring.monitored import NAMES
from health_predict.monitoring.reference import ScoreSummary
from health_predict.monitoring.reporting import Labelled
from health_predict.pages.drift_summary import Subject
from tests.adapters.evidently_component import evidently_validator
from tests.health_predict.monitoring.invented import encounters, outcomes

CANARY = 770_000_000_000  # identifiers start here: no count or code comes near
FEW, COMMON = "Gastroenterology", "Cardiology"
SUBJECT, EARLIER = Subject("batch-b", "3", "uci"), Subject("batch-a", "2", "uci")
SCORES = ScoreSummary(0.5, 0.5, 0.7, 0.1, 1e-5, (0.35, 0.45, 0.55, 0.65), (200, 200, 200, 200, 200))
THRESHOLD = 0.5


@pytest.fixture(scope="module")
def validator():
    return evidently_validator()


def rows(count: int, seed: int) -> pd.DataFrame:
    """Invented encounters with identifiers that can be found again, and a specialty that ten of 600 have."""
    frame = encounters(count, seed).assign(medical_specialty=COMMON)
    frame.loc[: count // 60 - 1, "medical_specialty"] = FEW
    frame.loc[count // 60 : count // 15 - 1, "medical_specialty"] = "Emergency/Trauma"
    ids = np.arange(count) + CANARY + seed * 1_000_000
    return frame.assign(**{PATIENT: ids, ENCOUNTER: ids + 500_000})


def labels(count: int) -> Labelled:
    y, probability = outcomes(count, seed=7)
    return Labelled(probability, y, np.arange(count) + CANARY, THRESHOLD)


@pytest.fixture(scope="module")
def reports(validator) -> EvidentlyReports:
    batch = rows(600, seed=2).assign(payer_code="MC")
    scores = Scores(SCORES, outcomes(600, seed=3)[1])
    return build_reports(
        validator, rows(1500, seed=1), batch, SUBJECT, scores=scores, matured=Matured(labels(800), EARLIER)
    )


def embedded(html: str) -> list:
    """The data that Evidently's page draws from."""
    starts = [match.end() for match in re.finditer(r"var \w*evidently_dashboard_\w+ = ", html)]
    return [json.JSONDecoder().raw_decode(html, start)[0] for start in starts]


def bars(content: object) -> list[tuple[str, float]]:
    """Every (category, count) of the small charts of the drift table."""
    if isinstance(content, list):
        return [bar for part in content for bar in bars(part)]
    if not isinstance(content, dict):
        return []
    found = [bar for part in content.values() for bar in bars(part)]
    charts = [content[key] for key in ("reference_distribution", "current_distribution") if key in content]
    return found + [bar for chart in charts for bar in zip(chart["x"], chart["y"], strict=True)]


# -- what is found


def test_a_column_that_lost_its_values_is_named_first(reports) -> None:
    assert reports.columns == ("payer_code",)
    assert reports.drifted == 1
    assert reports.share == pytest.approx(1 / len(NAMES))


def test_an_injected_shift_is_found_in_its_column(validator) -> None:
    batch = rows(600, seed=2)
    shifted = batch.assign(A1Cresult=np.where(np.arange(600) % 2 == 0, ">8", batch["A1Cresult"].astype(object)))
    found = build_reports(validator, rows(1500, seed=1), shifted, SUBJECT)
    assert found.columns == ("A1Cresult",)


def test_pages_and_summary_say_what_they_are_about(reports) -> None:
    assert set(reports.pages) == {"evidently.html", "classification.html"}
    assert "batch batch-b · model version 3" in reports.pages["evidently.html"]
    assert "batch batch-a · model version 2" in reports.pages["classification.html"]
    assert "<dd>batch-b</dd>" in reports.summary
    assert "<script" not in reports.summary
    assert reports.summary.count('<tr class="strong">') == 1
    assert reports.notes == ("With one group only in the batch: payer_code, other_drugs.",)


def test_the_page_has_drift_quality_and_scores(reports) -> None:
    widgets = embedded(reports.pages["evidently.html"])[0]["widgets"]
    made = {str(widget["id"]).partition("-")[0] for widget in widgets}
    assert made == {"DatasetDriftMetric", "DataDriftTable", "ColumnDriftMetric", "ColumnSummaryMetric"}
    page = json.dumps(widgets)
    for name in NAMES:
        assert f'"{name}"' in page
    assert "Drift in column 'predicted risk'" in page
    assert '"race (recorded values)"' in page  # missing values are counted as missing


def test_the_classification_page_decides_as_the_model_does(reports) -> None:
    widgets = embedded(reports.pages["classification.html"])[0]["widgets"]
    counters = [c for w in widgets if w["type"] == "counter" for c in w["params"]["counters"]]
    shown = {counter["label"]: float(counter["value"]) for counter in counters if counter["value"]}
    matured = labels(800)
    accuracy = float(((matured.probability >= THRESHOLD) == matured.y).mean())
    assert shown["Accuracy"] == pytest.approx(accuracy, abs=0.0006)
    assert 0.6 < shown["ROC AUC"] < 0.9


# -- privacy


def test_no_identifier_is_in_any_page(reports) -> None:
    identifier = re.compile(r"(?<![\d.])7700\d{8}(?!\d)")
    assert all(identifier.search(str(value)) for value in rows(60, seed=2)[[PATIENT, ENCOUNTER]].to_numpy().ravel())
    found = {name: identifier.findall(html) for name, html in {**reports.pages, "summary": reports.summary}.items()}
    assert found == {"evidently.html": [], "classification.html": [], "summary": []}


def test_a_group_of_ten_patients_is_in_no_page(reports) -> None:
    html = reports.pages["evidently.html"]
    assert COMMON in html
    assert "small groups, pooled" in html
    assert FEW not in html
    assert FEW not in reports.summary


def test_no_bar_stands_for_fewer_than_eleven_patients(reports) -> None:
    counts = bars(embedded(reports.pages["evidently.html"]))
    assert len(counts) > 2 * len(NAMES)
    assert [(name, count) for name, count in counts if 0 < count < 11] == []


def test_evidently_is_given_groups_and_no_column_besides(validator, monkeypatch) -> None:
    frames = []
    profile = type(validator).data_profiling

    def watched(self, reference, current, *args, **options):
        frames.extend(frame for frame in (reference, current) if frame is not None)
        return profile(self, reference, current, *args, **options)

    monkeypatch.setattr(type(validator), "data_profiling", watched)
    matured = Matured(labels(800), EARLIER)
    build_reports(validator, rows(1500, seed=1), rows(600, seed=2), SUBJECT, matured=matured)
    assert len(frames) == 3
    for frame in frames:
        assert set(frame.dtypes.astype(str)) <= {"object", "int64", "float64"}
        assert not {PATIENT, ENCOUNTER} & set(frame)
        assert min(int(frame[name].value_counts().min()) for name in frame) >= 11


# -- what cannot be shown


def test_empty_and_constant_columns_and_labels_of_one_kind_are_noted(validator) -> None:
    batch = rows(300, seed=2).assign(payer_code=None, insulin="No", race=np.nan)
    one_class = Labelled(np.linspace(0.1, 0.9, 300), np.ones(300, np.int8), np.arange(300), THRESHOLD)
    found = build_reports(validator, rows(1500, seed=1), batch, SUBJECT, matured=Matured(one_class, EARLIER))
    assert set(found.pages) == {"evidently.html"}
    assert found.notes == (
        "Without any value in the batch: race, payer_code.",
        "With one group only in the batch: insulin, other_drugs.",
        "Drift of the predicted risk was not looked at: the batch has no scores.",
        "No classification report: too few patients of either outcome on either side of the threshold.",
    )
    assert {"race", "payer_code", "insulin"} == set(found.columns)
    assert "100.0\u00a0%" in found.summary


def test_columns_without_any_value_on_both_sides_do_not_drift(validator) -> None:
    sides = (frame.assign(payer_code=None) for frame in (rows(1500, seed=1), rows(300, seed=2)))
    assert build_reports(validator, *sides, SUBJECT).columns == ()


def test_a_small_reference_is_tested_by_p_values(validator) -> None:
    found = build_reports(validator, rows(900, seed=1), rows(300, seed=2).assign(gender="Male"), SUBJECT)
    assert "gender" in found.columns
    assert "p_value" in found.summary
    assert "&lt; 0.05" in found.summary


def test_ten_patients_are_refused(validator) -> None:
    batch = rows(300, seed=2)
    batch[PATIENT] = batch[PATIENT] % 10
    with pytest.raises(InputError, match="batch of 10 patients"):
        build_reports(validator, rows(1500, seed=1), batch, SUBJECT)


@pytest.mark.parametrize(
    ("component", "told"),
    [(None, "no data validator"), (SimpleNamespace(name="expectations"), "expectations, not of Evidently")],
)
def test_a_stack_without_evidently_is_told_by_name(monkeypatch, component, told) -> None:
    stack = SimpleNamespace(name="bare", data_validator=component)
    monkeypatch.setattr("zenml.client.Client", lambda: SimpleNamespace(active_stack=stack))
    with pytest.raises(InputError, match=f"^stack bare: .*{told}"):
        validator_of_stack()


# -- what is left behind


def test_nothing_is_printed_downloaded_or_left_in_the_environment(validator, monkeypatch, capfd, recwarn) -> None:
    def offline(*_):
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", offline)
    monkeypatch.setenv("NLTK_DATA", "/kept")
    places, environment = list(nltk.data.path), dict(os.environ)
    build_reports(validator, rows(1500, seed=1), rows(300, seed=2), SUBJECT, matured=Matured(labels(400), EARLIER))
    assert dict(os.environ) == environment
    assert nltk.data.path == places
    assert capfd.readouterr() == ("", "")
    loud = [str(warning.message) for warning in recwarn if not issubclass(warning.category, DeprecationWarning)]
    assert loud == []
