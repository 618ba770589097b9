"""`run.py --pipeline score` on a store of its own, as a user meets it."""

import re
from pathlib import Path

import pandas as pd
import pytest

from adapters.mlflow_registry import Registry
from health_predict.columns import COLUMNS
from health_predict.records import generate_records
from tests.adapters.s3_bucket import s3
from tests.pipelines.champions import register_champion
from tests.pipelines.conftest import Finished, Project
from tests.small_bundle import train_small_model
from tests.strategies import csv_text, frame

__all__ = ["s3"]

CANARY = "CANARY-31415"
ROWS, SPOILED = 3000, 40


@pytest.fixture(scope="module")
def scoring(tmp_path_factory) -> Project:
    return Project(tmp_path_factory.mktemp("scoring"))


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Path:
    """Encounters of which some have a canary for an age."""
    rows = generate_records(ROWS, 1, columns=COLUMNS)
    table = frame(rows, COLUMNS).assign(note=CANARY)
    table.loc[: SPOILED - 1, "age"] = CANARY
    path = tmp_path_factory.mktemp("source") / "encounters.csv"
    path.write_text(csv_text(table))
    return path


@pytest.fixture(scope="module")
def without_champion(scoring: Project, source: Path) -> Finished:
    return scoring.run("--pipeline", "score", "--input", str(source), "--output", str(source.with_name("out.csv")))


@pytest.fixture(scope="module")
def registry(scoring: Project, without_champion: Finished, tmp_path_factory) -> Registry:
    registry = Registry(scoring.state / "locks", f"sqlite:///{scoring.state}/mlflow/mlflow.db")
    for family in ("logistic_regression", "xgboost"):
        register_champion(registry, train_small_model(family), tmp_path_factory.mktemp(family))
    return registry


@pytest.fixture(scope="module")
def scored(scoring: Project, registry: Registry, source: Path) -> Finished:
    output = str(source.with_name("scores.parquet"))
    return scoring.run("--pipeline", "score", "--input", str(source), "--output", output)


def test_without_a_champion_it_names_the_command_that_makes_one(without_champion: Finished, source: Path) -> None:
    assert without_champion.code == 2
    assert without_champion.errors.splitlines()[-1].startswith("error: HealthPredict has no champion yet")
    assert "python run.py --pipeline train" in without_champion.errors
    assert not source.with_name("out.csv").exists()


def test_the_scores_are_there_and_the_user_is_told(scored: Finished, source: Path) -> None:
    assert scored.code == 0, scored.errors
    valid = ROWS - SPOILED
    assert re.search(rf"scored: {valid:,} of {ROWS:,} rows with version 2 \([\d.]+ s, [\d,]+ rows/s\)", scored.output)
    assert re.search(r"mean score 0\.\d{3}, \d+\.\d% predicted to be readmitted", scored.output)
    assert f"INVALID ROWS, not scored: {SPOILED} (age {SPOILED})" in scored.output
    assert f"in {source.parent}/scores.invalid.parquet" in scored.output
    scores = pd.read_parquet(source.with_name("scores.parquet"))
    assert list(scores.columns[:3]) == ["row", "encounter_id", "patient_nbr"]
    assert set(scores["model_version"]) == {"2"}
    invalid = pd.read_parquet(source.with_name("scores.invalid.parquet"))
    assert sorted([*scores["row"], *invalid["row"]]) == list(range(1, ROWS + 1))
    assert set(invalid["age"]) == set(invalid["note"]) == {CANARY}


def test_progress_is_told_in_lines_where_there_is_no_terminal(scored: Finished) -> None:
    assert "score: 100 of 100 percent, 3,000 rows" in scored.errors


def test_no_value_of_a_patient_is_written_but_to_the_users_files(scored: Finished, scoring: Project) -> None:
    assert CANARY not in scored.output + scored.errors
    files = [path for path in scoring.state.rglob("*") if path.is_file()]
    assert len(files) > 10
    assert not [path for path in files if CANARY.encode() in path.read_bytes()]


def test_another_version_can_score(scoring: Project, registry: Registry, source: Path) -> None:
    output = source.with_name("older.csv.gz")
    run = scoring.run("--pipeline", "score", "--input", str(source), "--output", str(output), "--model-version", "1")
    assert run.code == 0, run.errors
    assert set(pd.read_csv(output)["model_version"]) == {1}
    unknown = scoring.run(
        "--pipeline", "score", "--input", str(source), "--output", str(output), "--model-version", "9"
    )
    assert unknown.code == 2
    assert "no version 9" in unknown.errors


def test_a_dry_run_writes_nothing(scoring: Project, registry: Registry, source: Path) -> None:
    output = source.with_name("dry.csv")
    run = scoring.run("--pipeline", "score", "--input", str(source), "--output", str(output), "--dry-run")
    assert run.code == 0, run.errors
    assert "nothing was changed" in run.output
    assert not output.exists()


def test_a_file_that_breaks_in_the_middle_is_one_line_of_the_step(
    scoring: Project, registry: Registry, source: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.csv"
    broken.write_bytes(source.read_bytes() * 3 + b"\xff\n")
    run = scoring.run("--pipeline", "score", "--input", str(broken), "--output", str(tmp_path / "out.csv"))
    assert run.code == 2
    assert [line for line in run.errors.splitlines() if line.startswith("error: ")] == [
        f"error: {broken}: not in UTF-8; save it as CSV UTF-8"
    ]
    assert "Traceback" not in run.output + run.errors
    assert [path.name for path in tmp_path.iterdir()] == ["broken.csv"]


def test_from_object_storage_to_object_storage(scoring: Project, registry: Registry, source: Path, s3) -> None:
    s3.upload_file(str(source), "hospital", "in.csv")
    run = scoring.run("--pipeline", "score", "--input", "s3://hospital/in.csv", "--output", "s3://hospital/out.csv")
    keys = [item["Key"] for item in s3.list_objects_v2(Bucket="hospital")["Contents"]]
    assert run.code == 0, run.errors
    assert keys == ["in.csv", "out.csv", "out.invalid.csv"]
