import json
import multiprocessing
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count, product

import mlflow
import pytest
from filelock import FileLock
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import PERMISSION_DENIED, TEMPORARILY_UNAVAILABLE

from adapters import mlflow_registry
from adapters.mlflow_connection import MlflowConnection
from adapters.mlflow_registry import REQUIRED_ARTIFACTS, Registry
from health_predict.errors import InfrastructureError, InputError
from health_predict.monitoring.renewal import remaining
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


def decision(*, promoted=True, reason="promoted: better"):
    return PromotionDecision(
        promoted=promoted,
        reason=reason,
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


# -- crashes


class Crash(BaseException):
    """The process dies: nothing may catch it."""


class DyingClient:
    """The real client, which dies just before its n-th write."""

    def __init__(self, client, writes):
        self.client, self.writes_left = client, writes

    def __getattr__(self, name):
        if name.startswith(("set_", "delete_", "create_")):
            self.writes_left -= 1
            if self.writes_left < 0:
                raise Crash
        return getattr(self.client, name)


def dies_after(registry, writes, action):
    """Whether the action died; the registry is a new one, as in a new process."""
    dying = Registry(registry.folder, registry.tracking_uri, registry.name)
    connection = dying._versions.mlflow
    connection.__dict__["client"] = DyingClient(connection.client, writes)
    try:
        action(dying)
    except Crash:
        return True
    return False


def assert_consistent(store, registry, promoted_last):
    model, log, kept = store.get_registered_model(registry.name), registry.history(), statuses(store, registry)
    assert [version for version, status in kept.items() if status == "champion"] == [promoted_last]
    assert str(model.aliases["champion"]) == promoted_last == log[-1].version
    assert [change.number for change in log] == list(range(1, len(log) + 1))
    archived = {version for version, status in kept.items() if status == "archived"}
    assert all("archived_at" in registry.find(version).tags for version in archived)
    assert archived == {change.version for change in log} - {promoted_last}
    assert "promotion.pending" not in model.tags


def assert_all_or_nothing(registry, champion, before, kind):
    """Right after the crash readers see the change or not, and alias and history agree. Return who is champion."""
    log, now = registry.history(), registry.champion().version
    assert log[-1].version == now
    assert [change.kind for change in log[len(before) :]] == [kind] * (now != champion)
    return now


def test_a_crash_between_any_two_writes_of_a_promotion_is_repaired_by_the_next_call(store, registry):
    add_versions(store, registry, 3)
    promote(registry, "2", None)
    outcomes = Counter()
    for writes in count():
        add_versions(store, registry, 1)
        new, champion, before = str(4 + writes), registry.champion().version, registry.history()
        registry.set_challenger(new)
        if not dies_after(registry, writes, lambda r, new=new, champion=champion: promote(r, new, champion)):
            break
        outcome = assert_all_or_nothing(registry, champion, before, "promotion")
        assert outcome in (champion, new)
        registry.record_refusal("1", decision(promoted=False), NOW)
        assert_consistent(store, registry, outcome)
        outcomes[outcome == new] += 1
    assert outcomes[False] >= 2
    assert outcomes[True] >= 6


def test_a_crash_between_any_two_writes_of_a_rollback_is_repaired_by_the_next_call(store, registry):
    add_versions(store, registry, 2)
    promote(registry, "1", None)
    promote(registry, "2", "1")
    outcomes = Counter()
    for writes in count():
        add_versions(store, registry, 1)
        new, champion, before = str(3 + writes), registry.champion().version, registry.history()
        if not dies_after(registry, writes, lambda r: r.rollback(NOW, "alarm")):
            break
        outcome = assert_all_or_nothing(registry, champion, before, "rollback")
        assert promote(registry, new, outcome).promoted
        assert_consistent(store, registry, new)
        outcomes[outcome != champion] += 1
    assert outcomes[False] >= 2
    assert outcomes[True] >= 6


def test_after_a_crash_at_any_write_the_settled_status_says_what_is_left_to_do(store, registry):
    add_versions(store, registry, 1)
    promote(registry, "1", None)
    left = Counter()
    refused = decision(promoted=False, reason="refused: worse")
    for kind, writes in product(("promotion", "refusal"), range(9)):
        add_versions(store, registry, 1)
        new, champion = str(max(map(int, statuses(store, registry)))), registry.champion().version
        registry.set_challenger(new)
        actions = {
            "promotion": lambda r, new=new, champion=champion: promote(r, new, champion),
            "refusal": lambda r, new=new: r.record_refusal(new, refused, NOW),
        }
        died = dies_after(registry, writes, actions[kind])
        registry.settle(NOW)
        found = registry.find(new)
        standing = remaining(found.status)
        left[kind, standing.left] += died
        assert (standing.outcome == "promoted") == (registry.champion().version == new)
        if standing.left == "nothing":
            assert json.loads(found.tags["promotion_decision"])["promoted"] == (kind == "promotion")
    assert all(left[case] >= 1 for case in product(("promotion", "refusal"), ("promotion", "nothing"))), left


# -- at the same time


def compete(folder, uri, name, version, barrier, results):
    registry = Registry(folder, uri, name)
    registry.champion()
    barrier.wait(180)
    results.put((version, promote(registry, version, "1").promoted))


def test_of_eight_processes_that_promote_at_once_one_succeeds(store, registry):
    add_versions(store, registry, 9)
    promote(registry, "1", None)
    context = multiprocessing.get_context("forkserver")
    # imported once, then forked: eight times two seconds less
    stores = [f"mlflow.store.{kind}.sqlalchemy_store" for kind in ("tracking", "model_registry")]
    context.set_forkserver_preload(["adapters.mlflow_registry", *stores])
    barrier, results = context.Barrier(8), context.Queue()
    given = (registry.folder, store.tracking_uri, registry.name)
    versions = [str(number) for number in range(2, 10)]
    processes = [context.Process(target=compete, args=(*given, version, barrier, results)) for version in versions]
    for process in processes:
        process.start()
    outcome = dict(results.get(timeout=180) for _ in processes)
    for process in processes:
        process.join(30)
    promoted = [version for version, won in outcome.items() if won]
    assert sorted(outcome) == versions
    assert len(promoted) == 1
    assert_consistent(store, registry, promoted[0])
    assert len(registry.history()) == 2


def test_eight_threads_that_register_one_run_get_one_version(store, registry, run_id):
    registries = [Registry(registry.folder, store.tracking_uri, registry.name) for _ in range(8)]
    barrier = threading.Barrier(8)

    def replay_together(bundle):
        barrier.wait(180)  # all have seen that the run is not registered

    with ThreadPoolExecutor(8) as pool:
        versions = list(pool.map(lambda one: register(one, run_id, replay=replay_together).version, registries))
    assert versions == ["1"] * 8
    assert statuses(store, registry) == {"1": "registered"}


def test_a_lock_that_is_never_released_is_told(registry, monkeypatch):
    monkeypatch.setattr(mlflow_registry, "LOCK_SECONDS", 0.1)
    registry.folder.mkdir()
    with (
        FileLock(registry.folder / "registry.lock"),
        pytest.raises(InfrastructureError, match="held by another process"),
    ):
        registry.rollback(NOW, "alarm")


# -- when MLflow fails


def fails_first(times, error):
    failures = iter([error] * times)

    def call():
        for failure in failures:
            raise failure
        return "answer"

    return call


@pytest.mark.parametrize(
    "error", [MlflowException("locked", TEMPORARILY_UNAVAILABLE), ConnectionResetError(), MlflowException("?")]
)
def test_a_passing_failure_is_retried(error):
    assert MlflowConnection("sqlite://", patience=5).ask(fails_first(2, error)) == "answer"


@pytest.mark.parametrize("error", [MlflowException("no", PERMISSION_DENIED), PermissionError(13, "Permission denied")])
def test_a_lasting_failure_is_told_at_once(error):
    with pytest.raises(InfrastructureError, match=r"\((PERMISSION_DENIED|Permission denied)\)"):
        MlflowConnection("sqlite://", patience=5).ask(fails_first(1, error))


@pytest.fixture
def broken_server():
    """An MLflow server that always answers 503, and the number of requests it got."""
    requests = Counter()

    class Unavailable(BaseHTTPRequestHandler):
        def do_GET(self):
            requests["got"] += 1
            self.send_response(503)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Unavailable)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1], requests
    server.shutdown()
    server.server_close()


@pytest.fixture
def restored_uri(store):
    yield
    mlflow.set_tracking_uri(store.tracking_uri)


def test_a_server_that_stays_broken_is_told_without_its_password(broken_server, restored_uri, tmp_path, monkeypatch):
    port, requests = broken_server
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    registry = Registry(tmp_path, f"http://someone:secret@127.0.0.1:{port}/mlflow?token=secret", patience=1.5)
    start = time.monotonic()
    with pytest.raises(InfrastructureError) as caught:
        registry.champion()
    assert time.monotonic() - start < 10
    assert requests["got"] > 1
    message = str(caught.value)
    assert message.startswith(f"MLflow at http://127.0.0.1:{port}/mlflow failed (")
    assert "MLFLOW_TRACKING_URI" in message
    assert "secret" not in message
    assert "\n" not in message


def test_a_file_that_is_no_store_is_told(restored_uri, tmp_path):
    (tmp_path / "mlflow.db").write_text("this is no database" * 100)
    with pytest.raises(InfrastructureError, match=r"mlflow\.db failed \(DatabaseError\)"):
        Registry(tmp_path, f"sqlite:///{tmp_path}/mlflow.db", patience=0.1).champion()


def test_a_store_of_an_unsupported_kind_is_told(restored_uri, tmp_path):
    with pytest.raises(InfrastructureError, match="set a sqlite: or http: tracking URI"):
        Registry(tmp_path, str(tmp_path / "mlruns"), patience=0.1).champion()


def test_nothing_is_printed(store, registry, run_id, tmp_path, capfd, recwarn):
    register(registry, run_id)
    add_versions(store, registry, 1)
    promote(registry, "1", None)
    promote(registry, "2", "1")
    registry.rollback(NOW, "alarm")
    registry.download_bundle("1", tmp_path)
    assert capfd.readouterr() == ("", "")
    assert [str(warning.message) for warning in recwarn] == []
