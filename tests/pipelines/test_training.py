"""The whole `train` on a clean store: what a user sees, what is registered, and what a second run does."""

import json
import re
import sqlite3
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest

from health_predict.bundle import records_frame
from health_predict.columns import ENCOUNTER, PATIENT
from health_predict.monitoring.monitored import bin_frame
from health_predict.monitoring.reference_files import load_reference
from health_predict.privacy import SMALLEST_GROUP
from health_predict.records import generate_records
from health_predict.scorer import load_scorer
from tests.pipelines.conftest import SMALL


def test_it_ends_well_and_shows_the_result(trained) -> None:
    assert trained.code == 0, trained.errors
    for words in ("uci", "Candidates", "AUROC", "AUPRC", "Brier", "calibration slope", "out of fold", "test"):
        assert words in trained.output
    assert re.search(r"registered: HealthPredict version 1; promoted: first model", trained.output)
    assert "synthetic" not in trained.output.lower()
    assert "Traceback" not in trained.output + trained.errors


def test_the_run_holds_everything_to_serve_the_model(registry) -> None:
    champion = registry.champion()
    client = mlflow.MlflowClient()
    names = {
        item.path
        for folder in ("preprocessor", "bundle", "pages")
        for item in client.list_artifacts(champion.run_id, folder)
    }
    assert {"preprocessor/preprocessor.joblib", "pages/exploration.html", "pages/evaluation.html"} <= names
    assert {f"bundle/{name}" for name in ("manifest.json", "encoder.json", "model.onnx", "golden.json")} <= names
    run = client.get_run(champion.run_id).data
    assert run.tags["provenance"] == "uci"
    assert 0.65 < run.metrics["test_auroc_low"] + 0.02 < run.metrics["test_auroc"] < 0.75
    assert champion.tags["status"] == "champion"


def test_the_run_holds_what_the_model_is_watched_by(registry, real_splits, tmp_path: Path) -> None:
    reference = load_reference(registry.download_artifact("1", "reference", tmp_path))
    initial = pd.concat([real_splits.train, real_splits.validation], ignore_index=True)
    assert reference.rows == len(initial)
    assert [size.rows for size in reference.null.sizes] == [1000]
    assert 0.65 < reference.scores.auroc < 0.75
    assert max(reference.importances, key=reference.importances.get) in {"number_inpatient", "discharge_disposition_id"}
    cells, patients = reference.layout.encode(bin_frame(initial)), initial[PATIENT].to_numpy()
    told = [len(set(patients[np.any(cells == cell, axis=1)])) for cell in np.unique(cells)]
    assert min(told) >= SMALLEST_GROUP
    assert len(told) > 150


def test_the_stored_evaluation_tells_no_rate_of_few(registry, tmp_path: Path) -> None:
    slices = json.loads(registry.download_artifact("1", "evaluation.json", tmp_path).read_text())["slices"]
    few = [s for s in slices if s["rows"] < 2 * SMALLEST_GROUP]
    assert few, "the test part of the file has such groups"
    for s in few:
        assert (s["positive_rate"], s["auroc"], s["calibration_gap"]) == (None, None, None)
    assert any(s["auroc"] for s in slices)


def test_every_trial_is_a_nested_run_with_its_history(registry) -> None:
    client = mlflow.MlflowClient()
    parent = client.get_run(registry.champion().run_id)
    nested = client.search_runs(
        [parent.info.experiment_id], f"tags.`mlflow.parentRunId` = '{parent.info.run_id}'", max_results=100
    )
    assert len(nested) == 6
    assert {run.data.params["family"] for run in nested} == {"logistic_regression", "random_forest", "xgboost"}
    assert {run.data.tags["stop_reason"] for run in nested} <= {"finished", "stopped by ASHA"}
    histories = [client.get_metric_history(run.info.run_id, "auroc") for run in nested]
    assert all(history for history in histories)
    assert max(len(history) for history in histories) >= 20


def test_the_registered_model_and_its_bundle_agree_on_raw_records(registry, tmp_path: Path) -> None:
    champion = registry.champion()
    scorer = load_scorer(registry.download_bundle(champion.version, tmp_path))
    records = generate_records(50, seed=5)
    model = mlflow.sklearn.load_model(f"models:/{champion.name}@champion")
    expected = model.predict_proba(records_frame(records))[:, 1]
    assert np.max(np.abs(scorer.probabilities(records) - expected)) <= 1e-6
    info = mlflow.models.get_model_info(f"models:/{champion.name}@champion")
    assert info.signature is not None
    assert len(info.signature.inputs.inputs) == len(scorer.manifest["columns"])


def test_the_splits_are_parquet_and_the_pages_are_artifacts(project, trained) -> None:
    stored = [path.as_posix() for path in (project.state / "artifacts").rglob("*") if path.is_file()]
    for name in ("initial_train", "initial_validation", "initial_test", "future"):
        assert any(f"/{name}/" in path and path.endswith((".parquet", ".parquet.gzip")) for path in stored), name
    for name in ("exploration_page", "evaluation_page", "calibration_page"):
        assert any(f"/{name}/" in path for path in stored), name


def test_no_identifier_of_a_patient_is_written_but_in_the_parquet_artifacts(project, trained, real_raw) -> None:
    frame = real_raw.frame
    long = frame[(frame[PATIENT] > 10_000_000) & (frame[ENCOUNTER] > 10_000_000)].sample(400, random_state=0)
    canaries = {str(value) for column in (PATIENT, ENCOUNTER) for value in long[column]}
    texts = [
        path
        for path in project.state.rglob("*")
        if path.is_file() and path.suffix in {".html", ".json", ".log", ".txt", ".yaml", ".md"}
    ]
    assert len(texts) > 10
    written = "\n".join([trained.output, trained.errors, *(path.read_text(errors="replace") for path in texts)])
    assert canaries.isdisjoint(re.findall(r"\d{8,}", written))


def test_a_second_run_is_cached_and_refused_as_nothing_gained(project, registry, real_path: Path) -> None:
    again = project.run("--pipeline", "train", *SMALL, "--fail-on", "refused", data=real_path)
    assert again.code == 3, again.errors
    assert "version 2; refused: nothing gained" in again.output
    assert registry.champion().version == "1"
    assert registry.find("2").tags["status"] == "refused"
    with sqlite3.connect(project.state / "zenml" / "local_stores" / "default_zen_store" / "zenml.db") as store:
        cached = {name for (name,) in store.execute("select name from step_run where status = 'cached'")}
    assert cached == {"load_data", "explore_data", "search_models"}


def test_synthetic_training_says_so_and_never_replaces_a_real_champion(project, registry) -> None:
    run = project.run("--pipeline", "train", *SMALL, "--data", "synthetic")
    assert run.code == 0, run.errors
    assert "SYNTHETIC DATA: every number below" in run.output
    assert run.output.count("SYNTHETIC DATA") >= 3
    assert "version 3; refused: trained on synthetic data, it does not replace champion version 1" in run.output
    assert registry.champion().version == "1"
    client = mlflow.MlflowClient()
    pages = client.list_artifacts(registry.find("3").run_id, "pages")
    for page in pages:
        text = mlflow.artifacts.load_text(f"runs:/{registry.find('3').run_id}/{page.path}")
        assert "synthetic" in text.lower(), page.path


def test_bad_input_found_inside_a_step_is_one_line_and_changes_nothing(project, registry, real_path: Path) -> None:
    before = registry.history()
    run = project.run("--pipeline", "train", *SMALL, "--set", "search.cpus_per_trial=99", data=real_path)
    assert run.code == 2, run.errors
    errors = [line for line in run.errors.splitlines() if line.startswith("error: ")]
    assert errors == [line for line in errors if "search.cpus_per_trial is 99" in line]
    assert len(errors) == 1
    assert "Traceback" not in run.output + run.errors
    assert registry.history() == before


def test_roll_back_without_a_predecessor_is_one_line(project, registry) -> None:
    run = project.run("--pipeline", "rollback")
    assert run.code == 2
    assert run.errors.startswith("error: ")
    assert len(run.errors.strip().splitlines()) == 1
    assert registry.champion().version == "1"


@pytest.mark.parametrize("name", ["initial_train", "initial_test"])
def test_the_parquet_artifact_reads_back_with_declared_columns(project, trained, name: str) -> None:
    file = next((project.state / "artifacts").rglob(f"{name}/**/*.parquet*"))
    frame = pd.read_parquet(file)
    assert len(frame.columns) == 50
