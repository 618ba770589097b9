"""The registry when processes die in the middle or run at the same time."""

import json
import multiprocessing
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import count, product

import pytest
from filelock import FileLock

from adapters import mlflow_registry
from adapters.mlflow_registry import Registry
from health_predict.errors import InfrastructureError
from health_predict.monitoring.renewal import remaining
from tests.adapters.registries import NOW, add_versions, decision, promote, register, registry, run_id, statuses, store

__all__ = ["registry", "run_id", "store"]


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
