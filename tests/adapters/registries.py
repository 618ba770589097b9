"""A real MLflow store, and registered models in it, for the tests of the registry."""

from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count

import mlflow
import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from adapters.mlflow_registry import REQUIRED_ARTIFACTS, Registry
from health_predict.promotion import PromotionDecision

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
PREPROCESSOR = "preprocessor/preprocessor.joblib"
NAMES = (f"HealthPredict-{number}" for number in count())


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """One real sqlite store for all tests; each test has a registered model of its own."""
    folder = tmp_path_factory.mktemp("mlflow")
    client = MlflowClient(*[f"sqlite:///{folder}/mlflow.db"] * 2)
    client.create_experiment("training", artifact_location=(folder / "artifacts").as_uri())
    yield client
    mlflow.set_tracking_uri(None)


@pytest.fixture
def registry(store, tmp_path):
    return Registry(tmp_path / "state", store.tracking_uri, next(NAMES), patience=1)


def new_run(store, artifacts=REQUIRED_ARTIFACTS):
    run_id = store.create_run(store.get_experiment_by_name("training").experiment_id).info.run_id
    for path in artifacts:
        store.log_text(run_id, f'{{"file": "{path}"}}', path)
    return run_id


@pytest.fixture(scope="module")
def run_id(store):
    return new_run(store)


def replays(bundle):
    required = {path for path in REQUIRED_ARTIFACTS if path.startswith("bundle/")}
    assert {f"bundle/{file.name}" for file in bundle.iterdir()} == required


def register(registry, run_id, **options):
    return registry.register(run_id, f"runs:/{run_id}/model", **{"replay": replays, "tags": {}} | options)


def add_versions(store, registry, number):
    """Versions 1 to `number`, made without the checks of `register`."""
    with suppress(MlflowException):
        store.create_registered_model(registry.name)
    for _ in range(number):
        store.create_model_version(registry.name, "runs:/r/model", "r", {"status": "registered"})


def decision(**options):
    """A promotion, with these fields in place of its own."""
    return replace(_PROMOTED, **options)


_PROMOTED = PromotionDecision(
    promoted=True,
    reason="promoted: better",
    metric="auroc",
    margin=0.01,
    champion_version=None,
    champion_run_id=None,
    challenger_version="1",
    challenger_run_id="r",
    target="any",
    provenance="uci",
    champion_score=0.6,
    challenger_score=0.7,
    difference=0.1,
    low=0.05,
    high=0.15,
    patients=900,
    rows=1000,
    draws=1000,
    seed=0,
)


def promote(registry, version, expected, *, now=NOW, **options):
    return registry.promote(version, expected, decision(**options), now)


def statuses(store, registry):
    return {str(v.version): v.tags["status"] for v in store.search_model_versions(f"name = '{registry.name}'")}


def model_is_absent(store, registry):
    return not store.search_registered_models(f"name = '{registry.name}'")
