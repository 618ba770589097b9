"""Retraining and recalibration on a stack of their own: killed at any point and asked again, each is done once."""

import json
from collections.abc import Iterator

import mlflow
import numpy as np
import pyarrow as pa
import pytest

from adapters.mlflow_registry import Registry
from adapters.mlflow_versions import ModelVersions
from adapters.monitoring_store import MonitoringStore, Source
from driver import renewal
from driver.renewal import renew
from health_predict.columns import PATIENT
from health_predict.errors import InputError
from health_predict.monitoring.reference_files import load_reference
from health_predict.scorer import load_scorer
from health_predict.target import readmitted_binary
from health_predict.trials import TrialResult
from steps.retraining.take_configuration import take_configuration
from tests.pipelines.champions import register_champion
from tests.pipelines.own_stack import local_stack
from tests.pipelines.renewals import BATCH, BATCHES, ENCOUNTERS, INITIAL, JUDGES, Renewals, batch_rows
from tests.small_bundle import train_poor_model

pytestmark = pytest.mark.slow


class Killed(Exception):  # noqa: N818 - it is no error
    """The process died here."""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Renewals]:
    with local_stack(tmp_path_factory.mktemp("renewals")) as registry:
        yield Renewals(registry, MonitoringStore.of_stack())


@pytest.fixture(scope="module")
def renewals(stack: Renewals, tmp_path_factory: pytest.TempPathFactory) -> Renewals:
    """Version 1 is champion and has learnt nothing: every retrain is better."""
    register_champion(stack.registry, train_poor_model(), tmp_path_factory.mktemp("champion"))
    source = Source(uri="f", sha256="s", provenance="file", protocol="time", seed=0, target="any", rows=len(ENCOUNTERS))
    stack.store.begin(source, ENCOUNTERS.iloc[:INITIAL], ENCOUNTERS.iloc[INITIAL:])
    stack.fill()
    return stack


def dies(patch: pytest.MonkeyPatch, place: object, name: str) -> None:
    def die(*_args, **_kwargs) -> None:
        raise Killed

    patch.setattr(place, name, die)


def killed_at(place: object, name: str, renewals: Renewals, request) -> None:
    with pytest.MonkeyPatch.context() as patch, pytest.raises(RuntimeError, match="failed"):
        dies(patch, place, name)
        renew(request, renewals.config)


def nothing_more_is_run(renewals: Renewals, request) -> None:
    """Asked again, the registry has the answer."""
    with pytest.MonkeyPatch.context() as patch:
        dies(patch, renewal, "run_to_end")
        again = renew(request, renewals.config)
    assert again.version == renewals.registry.find_by_trigger(request.trigger).version


def test_a_retrain_that_is_killed_three_times_gives_one_version(renewals: Renewals) -> None:
    request, registry = renewals.request("retrain", "b3"), renewals.registry
    killed_at(Registry, "register", renewals, request)
    assert renewals.versions() == ["1"]
    killed_at(Registry, "promote", renewals, request)
    assert (renewals.versions(), registry.champion().version) == (["1", "2"], "1")
    assert registry.find("2").tags["trigger"] == "retrain:b3"

    from steps.training import fit_model

    with pytest.MonkeyPatch.context() as patch:
        dies(patch, fit_model, "train_model")  # from here on nothing is trained again
        killed_at(ModelVersions, "append", renewals, request)
        assert registry.champion().version == "2"
        done = renew(request, renewals.config)
    assert (done.result, done.version) == ("promoted", "2")
    assert done.reason.startswith("promoted: better")
    assert renewals.versions() == ["1", "2"]
    assert [(c.version, c.replaced) for c in registry.history()] == [("1", None), ("2", "1")]
    nothing_more_is_run(renewals, request)


def test_the_retrained_model_is_the_champions_kind_learnt_from_all_patients_that_do_not_judge(
    renewals: Renewals, tmp_path
) -> None:
    judges = set(batch_rows(BATCHES - 2)[PATIENT].iloc[-JUDGES:])
    labelled = ENCOUNTERS.iloc[: INITIAL + (BATCHES - 1) * BATCH]
    learnt = labelled[~labelled[PATIENT].isin(judges)]
    old, new = (load_scorer(renewals.registry.download_bundle(v, tmp_path / v)).manifest for v in "12")
    assert {old[name] == new[name] for name in ("family", "parameters", "size", "target")} == {True}
    assert new["rows"] == len(learnt)
    reference = load_reference(renewals.registry.download_artifact("2", "reference", tmp_path))
    assert reference.rows == len(learnt)
    assert new["provenance"] == "file"


def test_the_same_data_give_the_same_model_which_is_refused_and_stays_so(renewals: Renewals) -> None:
    request = renewals.request("retrain", "again")
    done = renew(request, renewals.config)
    assert (done.result, done.version) == ("refused", "3")
    assert done.reason.startswith("refused: nothing gained")
    assert renewals.registry.champion().version == "2"
    nothing_more_is_run(renewals, request)


def test_a_recalibration_that_is_killed_gives_one_version_with_another_intercept(renewals: Renewals, tmp_path) -> None:
    request, registry = renewals.request("recalibrate", "b0", matured=("b0",)), renewals.registry
    killed_at(Registry, "promote", renewals, request)
    assert (renewals.versions(), registry.champion().version) == (["1", "2", "3", "4"], "2")
    done = renew(request, renewals.config)
    assert (done.result, done.version, renewals.versions()) == ("promoted", "4", ["1", "2", "3", "4"])
    assert registry.champion().tags["recalibrated_from"] == "2"
    nothing_more_is_run(renewals, request)

    old, new = (load_scorer(registry.download_bundle(version, tmp_path / version)) for version in "24")
    shift, rows = new.calibration.intercept - old.calibration.intercept, batch_rows(0)
    assert done.reason == f"recalibrated: intercept moved by {shift:+.2f} on {len(rows):,} encounters"
    probability = new.probabilities_of_table(pa.Table.from_pandas(rows, preserve_index=False))
    assert probability.mean() == pytest.approx(readmitted_binary(rows, "any").mean(), abs=1e-6)
    model = mlflow.sklearn.load_model(f"models:/{registry.name}/4")
    assert np.max(np.abs(model.predict_proba(rows)[:, 1] - probability)) <= 1e-6
    before, after = (
        load_reference(registry.download_artifact(version, "reference", tmp_path / version)) for version in "24"
    )
    assert (after.counts, after.importances) == (before.counts, before.importances)
    assert after.scores.observed == pytest.approx(probability.mean(), abs=1e-6)
    pickles = [registry.download_artifact(v, "preprocessor/preprocessor.joblib", tmp_path / v) for v in "24"]
    assert pickles[0].read_bytes() == pickles[1].read_bytes()


def test_a_recalibration_of_a_version_that_is_champion_no_more_is_refused(renewals: Renewals) -> None:
    done = renew(renewals.request("recalibrate", "b1", matured=("b1",), champion="2"), renewals.config)
    assert (done.result, done.version) == ("refused", "5")
    assert "the champion is version 4, no longer version 2" in done.reason
    assert json.loads(renewals.registry.find("5").tags["promotion_decision"])["promoted"] is False


@pytest.mark.parametrize("kind", ["retrain", "recalibrate"])
def test_outcomes_that_have_not_arrived_are_not_used(renewals: Renewals, kind: str) -> None:
    before = renewals.versions()
    last = tuple(f"b{number}" for number in range(BATCHES))
    with pytest.raises(InputError, match="outcomes of batch b3 have not arrived at batch 3"):
        renew(renewals.request(kind, "early", matured=last), renewals.config)
    assert renewals.versions() == before


def test_the_configuration_of_a_model_with_another_target_is_not_taken_over(renewals: Renewals) -> None:
    mlflow.set_tracking_uri(renewals.registry.tracking_uri)  # as the experiment tracker does
    with pytest.raises(InputError, match="version 2 predicts any, not within_30_days; set the target to its own"):
        take_configuration.entrypoint("2", "within_30_days", 0)


def test_with_search_the_configuration_is_the_searchs(renewals: Renewals, monkeypatch, tmp_path) -> None:
    from steps.training import search_models

    def search(configurations, data, settings) -> list[TrialResult]:
        chosen = next(c for c in configurations if c.family == "logistic_regression")
        return [TrialResult(chosen, 0.6, 2, (0.5, 0.6), "finished", 0.1)]

    monkeypatch.setattr(search_models, "search", search)
    done = renew(renewals.request("retrain", "searched", search=True), renewals.config)
    manifest = load_scorer(renewals.registry.download_bundle(done.version, tmp_path)).manifest
    assert (manifest["family"], manifest["size"]) == ("logistic_regression", 2)
