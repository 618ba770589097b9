"""What the registry registers, promotes, refuses and rolls back."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta

import pytest
from mlflow.exceptions import MlflowException

from adapters.mlflow_registry import REQUIRED_ARTIFACTS
from health_predict.errors import InputError
from health_predict.promotion import PromotionDecision
from tests.adapters.registries import (
    NOW,
    PREPROCESSOR,
    add_versions,
    decision,
    model_is_absent,
    new_run,
    promote,
    register,
    registry,
    replays,
    run_id,
    statuses,
    store,
)

__all__ = ["registry", "run_id", "store"]


# -- registration


def test_a_run_is_registered_once_with_its_tags(store, registry, run_id):
    replayed = []
    first = register(registry, run_id, replay=lambda bundle: replayed.append(bundle), tags={"target": "any"})
    assert (first.name, first.version, first.run_id) == (registry.name, "1", run_id)
    assert first.source == f"runs:/{run_id}/model"
    assert first.tags == {"target": "any", "status": "registered"}
    assert [bundle.name for bundle in replayed] == ["bundle"]
    assert register(registry, run_id) == first
    assert register(registry, new_run(store)).version == "2"
    assert registry.find("1") == first
    assert registry.champion() is None


def test_a_logged_model_is_registered_under_its_own_uri(store, registry, run_id):
    experiment = store.get_experiment_by_name("training").experiment_id
    model = store.create_logged_model(experiment, name="model", source_run_id=run_id)
    registered = registry.register(run_id, f"models:/{model.model_id}", replay=replays, tags={})
    assert registered.source == f"models:/{model.model_id}"
    version = store.get_model_version_download_uri(registry.name, registered.version)
    assert version == store.get_logged_model(model.model_id).artifact_location


def test_an_unknown_logged_model_is_refused(store, registry, run_id):
    with pytest.raises(InputError, match="MLflow does not know its model models:/m-0123; train again"):
        registry.register(run_id, "models:/m-0123", replay=replays, tags={})
    assert model_is_absent(store, registry)


@pytest.mark.parametrize("missing", sorted(REQUIRED_ARTIFACTS))
def test_a_run_without_a_required_artifact_is_refused(store, registry, missing):
    incomplete = new_run(store, REQUIRED_ARTIFACTS - {missing})
    with pytest.raises(InputError, match=f"run {incomplete}: artifact {missing} is missing or empty"):
        register(registry, incomplete)
    assert model_is_absent(store, registry)


def test_a_trigger_gives_one_version_whatever_the_runs(store, registry, run_id):
    assert registry.find_by_trigger("retrain:b7") is None
    first = register(registry, run_id, tags={"trigger": "retrain:b7"})
    assert first.tags["trigger"] == "retrain:b7"
    assert registry.find_by_trigger("retrain:b7") == first
    assert register(registry, new_run(store), tags={"trigger": "retrain:b7"}) == first
    assert register(registry, new_run(store), tags={"trigger": "recalibrate:b7"}).version == "2"
    assert registry.find_by_trigger("retrain:b8") is None


def test_two_processes_that_register_for_one_trigger_at_once_get_one_version(store, registry):
    runs = [new_run(store) for _ in range(2)]
    both_looked = threading.Barrier(2)

    def replay(bundle):
        both_looked.wait(20)

    def one(run):
        return register(registry, run, replay=replay, tags={"trigger": "retrain:b7"}).version

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(one, runs)) == ["1", "1"]
    assert len(store.search_model_versions(f"name = '{registry.name}'")) == 1


def test_an_empty_preprocessor_is_refused(store, registry):
    run = new_run(store, REQUIRED_ARTIFACTS - {PREPROCESSOR})
    store.log_text(run, "", PREPROCESSOR)
    with pytest.raises(InputError, match=r"preprocessor\.joblib is missing or empty"):
        register(registry, run)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (InputError("golden record 3 differs by 0.02"), "golden record 3 differs by 0.02"),
        (ValueError("73"), "ValueError"),
    ],
)
def test_a_bundle_that_does_not_replay_is_refused_without_telling_values(store, registry, run_id, error, told):
    def fails(bundle):
        raise error

    with pytest.raises(InputError) as caught:
        register(registry, run_id, replay=fails)
    assert str(caught.value) == f"run {run_id}: bundle does not replay ({told}); not registered, train again"
    assert model_is_absent(store, registry)


@pytest.mark.parametrize("run", ["0" * 32, "not a run'"])
def test_an_unknown_run_is_refused(registry, run):
    with pytest.raises(InputError, match="is not in MLflow; give the id of a training run"):
        register(registry, run)


# -- reading


@pytest.mark.parametrize("version", ["1", "99", "abc", ""])
def test_a_version_that_does_not_exist_is_bad_input(store, registry, version):
    for _ in range(2):  # without the model, then with the model but without this version
        with pytest.raises(InputError, match=f"has no version {version}; see the versions"):
            registry.find(version)
        with suppress(MlflowException):
            store.create_registered_model(registry.name)


def test_a_model_nobody_registered_has_no_champion_and_no_history(registry):
    assert registry.champion() is None
    assert registry.history() == ()


def test_artifacts_are_downloaded_by_version(registry, run_id, tmp_path):
    register(registry, run_id)
    bundle = registry.download_bundle("1", tmp_path / "new" / "folder")
    assert bundle == tmp_path / "new" / "folder" / "bundle"
    assert json.loads((bundle / "golden.json").read_text()) == {"file": "bundle/golden.json"}
    assert registry.download_artifact("1", PREPROCESSOR, tmp_path).is_file()
    with pytest.raises(InputError, match=f"run {run_id} has no artifact evaluation"):
        registry.download_artifact("1", "evaluation", tmp_path)


# -- promotion


def test_the_first_champion(store, registry):
    add_versions(store, registry, 1)
    registry.set_challenger("1")
    result = promote(registry, "1", None, reason="promoted: first model")
    assert (result.promoted, result.champion, result.replaced) == (True, "1", None)
    champion = registry.champion()
    decided = champion.tags["promotion_decision"]
    assert PromotionDecision.from_dict(json.loads(decided)) == decision(reason="promoted: first model")
    assert champion.tags == {
        "status": "champion",
        "champion_since": "2026-01-02T03:04:05+00:00",
        "previous_champion": "none",
        "promotion_reason": "promoted: first model",
        "promotion_decision": decided,
    }
    assert store.get_registered_model(registry.name).aliases == {"champion": 1}


def test_the_next_champion_archives_the_one_before(store, registry):
    add_versions(store, registry, 3)
    promote(registry, "1", None)
    registry.set_challenger("2")
    registry.set_challenger("3")
    later = NOW + timedelta(days=1)
    result = promote(registry, "2", "1", now=later)
    assert (result.promoted, result.champion, result.replaced) == (True, "2", "1")
    assert statuses(store, registry) == {"1": "archived", "2": "champion", "3": "registered"}
    assert registry.find("1").tags["archived_at"] == later.isoformat()
    assert registry.find("2").tags["previous_champion"] == "1"
    assert store.get_registered_model(registry.name).aliases == {"champion": 2, "challenger": 3}
    assert [(c.kind, c.version, c.replaced, c.at) for c in registry.history()] == [
        ("promotion", "1", None, NOW.isoformat()),
        ("promotion", "2", "1", later.isoformat()),
    ]


@pytest.mark.parametrize(
    ("version", "expected", "options", "reason"),
    [
        ("2", None, {}, "refused: the champion is version 1, no longer nobody as when it was compared; compare again"),
        ("2", "7", {}, "refused: the champion is version 1, no longer version 7 as when it was compared"),
        ("1", "1", {}, "refused: version 1 is champion already"),
        ("2", "1", {"promoted": False, "reason": "refused: worse"}, "refused: worse"),
    ],
)
def test_a_promotion_that_does_not_hold_changes_nothing(store, registry, version, expected, options, reason):
    add_versions(store, registry, 2)
    promote(registry, "1", None)
    before = (statuses(store, registry), registry.history(), registry.find("2"))
    result = promote(registry, version, expected, **options)
    assert (result.promoted, result.champion) == (False, "1")
    assert result.reason.startswith(reason)
    assert (statuses(store, registry), registry.history(), registry.find("2")) == before


def test_a_champion_that_vanished_meanwhile_is_noticed(store, registry):
    add_versions(store, registry, 2)
    promote(registry, "1", None)
    store.delete_model_version(registry.name, "1")
    assert registry.champion() is None
    assert "the champion is nobody, no longer version 1" in promote(registry, "2", "1").reason
    assert promote(registry, "2", None).promoted


def test_promoting_an_unknown_version_is_bad_input(store, registry):
    add_versions(store, registry, 1)
    with pytest.raises(InputError, match="has no version 4"):
        promote(registry, "4", None)


def test_a_refusal_is_recorded_and_ends_the_test(store, registry):
    add_versions(store, registry, 2)
    promote(registry, "1", None)
    registry.set_challenger("2")
    refused = decision(promoted=False, reason="refused: worse")
    registry.record_refusal("2", refused, NOW)
    tags = dict(registry.find("2").tags)
    assert PromotionDecision.from_dict(json.loads(tags.pop("promotion_decision"))) == refused
    assert tags == {"status": "refused", "promotion_reason": "refused: worse", "refused_at": NOW.isoformat()}
    assert store.get_registered_model(registry.name).aliases == {"champion": 1}
    assert promote(registry, "2", "1").promoted
    assert "refused_at" not in registry.find("2").tags


def test_a_champion_that_ties_with_itself_stays_champion(store, registry):
    add_versions(store, registry, 1)
    promote(registry, "1", None)
    before = registry.champion()
    registry.set_challenger("1")
    registry.record_refusal("1", decision(promoted=False, reason="refused: nothing gained"), NOW)
    assert registry.champion() == before
    assert store.get_registered_model(registry.name).aliases == {"champion": 1}


# -- roll-back


def test_two_rollbacks_go_two_champions_back_and_then_there_is_none(store, registry):
    add_versions(store, registry, 3)
    for version, expected in (("1", None), ("2", "1"), ("3", "2")):
        promote(registry, version, expected)
    later = NOW + timedelta(days=2)
    result = registry.rollback(later, "alarm")
    assert (result.champion, result.replaced, result.skipped, result.reason) == ("2", "3", (), "alarm")
    assert registry.champion().version == "2"
    assert registry.champion().tags["champion_since"] == later.isoformat()
    assert "archived_at" not in registry.champion().tags
    left = registry.find("3").tags
    assert (left["status"], left["rolled_back_at"], left["rollback_reason"]) == ("archived", later.isoformat(), "alarm")
    assert registry.rollback(later, "again").champion == "1"
    assert statuses(store, registry) == {"1": "champion", "2": "archived", "3": "archived"}
    assert registry.champion().tags["previous_champion"] == "none"
    with pytest.raises(InputError, match="has no earlier champion to roll back to; train and promote another one"):
        registry.rollback(later, "once more")
    assert [(c.kind, c.version) for c in registry.history()][3:] == [("rollback", "2"), ("rollback", "1")]
    assert promote(registry, "3", "1").promoted
    assert "rolled_back_at" not in registry.champion().tags
    assert registry.rollback(later, "it was right").champion == "1"


def test_a_rollback_skips_deleted_versions(store, registry):
    add_versions(store, registry, 4)
    for version, expected in (("1", None), ("2", "1"), ("3", "2"), ("4", "3")):
        promote(registry, version, expected)
    store.delete_model_version(registry.name, "3")
    store.delete_model_version(registry.name, "2")
    result = registry.rollback(NOW, "alarm")
    assert (result.champion, result.skipped) == ("1", ("3", "2"))


def test_a_rollback_recovers_from_a_deleted_champion(store, registry):
    add_versions(store, registry, 2)
    promote(registry, "1", None)
    promote(registry, "2", "1")
    store.delete_model_version(registry.name, "2")
    result = registry.rollback(NOW, "champion deleted")
    assert (result.champion, result.replaced) == ("1", None)
    assert statuses(store, registry) == {"1": "champion"}


@pytest.mark.parametrize("versions", [0, 1])
def test_nothing_to_roll_back_to_is_bad_input(store, registry, versions):
    if versions:
        add_versions(store, registry, versions)
    with pytest.raises(InputError, match="no earlier champion"):
        registry.rollback(NOW, "alarm")


def test_an_alias_moved_by_hand_is_followed_and_logged(store, registry):
    add_versions(store, registry, 3)
    promote(registry, "1", None)
    store.set_registered_model_alias(registry.name, "champion", "2")
    assert "the champion is version 2, no longer version 1" in promote(registry, "3", "1").reason
    assert statuses(store, registry) == {"1": "archived", "2": "champion", "3": "registered"}
    assert [(c.kind, c.version, c.replaced) for c in registry.history()][1:] == [("by hand", "2", "1")]
    assert registry.rollback(NOW, "not meant").champion == "1"
