"""Fixtures that many tests share. The real file is read once a session."""

import os
from pathlib import Path

import pytest
from hypothesis import Phase, settings
from sklearn.compose import ColumnTransformer

from health_predict.encoder import RecordEncoder
from health_predict.engineer import engineer
from health_predict.preprocessor import build_preprocessor, export_encoder
from health_predict.reading import RawData, read_raw
from health_predict.splits import Splits, split
from health_predict.target import readmitted_binary
from stacks import environment

os.environ.update(environment.NO_ANALYTICS)  # before a test imports a library that would report

# the same examples in every run, and no folder of examples in the repository
PHASES = (Phase.explicit, Phase.generate, Phase.shrink)  # a failing example is shrunk, and not explained at length
settings.register_profile("repeatable", derandomize=True, deadline=None, database=None, phases=PHASES)
settings.load_profile("repeatable")

LONGEST_FIRST = ("tests/pipelines/", "tests/adapters/test_mlflow_registry.py", "tests/stacks/")
RAY_LAST = "tests/adapters/test_ray_search.py"  # tests/pipelines starts Ray, too, and two at once starve each other
BESIDE = Path(__file__).resolve().parents[2] / "shared" / "data" / "dataset_diabetes.zip"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start the long files first, so that no process is left with one at the end."""
    places = {folder: place for place, folder in enumerate(LONGEST_FIRST)}

    def place(item: pytest.Item) -> int:
        last = len(places) + item.nodeid.startswith(RAY_LAST)
        return next((at for start, at in places.items() if item.nodeid.startswith(start)), last)

    items.sort(key=place)


@pytest.fixture(scope="session")
def real_path() -> Path:
    """The real file: HEALTH_PREDICT_DATA, or shared/data beside the repository."""
    named = os.environ.get("HEALTH_PREDICT_DATA")
    candidates = [Path(named)] if named else [BESIDE]
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    pytest.skip(f"the real file is not at {candidates[0]}; set HEALTH_PREDICT_DATA to the UCI zip or CSV")


@pytest.fixture(scope="session")
def real_raw(real_path: Path) -> RawData:
    """The real file, read and checked; a test that changes the frame works on a copy."""
    return read_raw(real_path)


@pytest.fixture(scope="session")
def real_splits(real_raw: RawData) -> Splits:
    return split(real_raw.frame, seed=42)


@pytest.fixture(scope="session")
def real_preprocessor(real_splits: Splits) -> ColumnTransformer:
    """Fitted on the real training rows, for readmission at all."""
    y = readmitted_binary(real_splits.train, "any")
    return build_preprocessor(seed=0).fit(engineer(real_splits.train), y)


@pytest.fixture(scope="session")
def real_encoder(real_preprocessor: ColumnTransformer) -> RecordEncoder:
    return RecordEncoder(export_encoder(real_preprocessor))
