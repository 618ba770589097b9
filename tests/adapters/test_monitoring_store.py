"""The monitoring store on a local artifact store and on S3: the same files, whole or not there, outcomes in time."""

import threading
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pandas as pd
import pytest

from adapters.monitoring_store import MonitoringStore, Source
from health_predict.columns import TARGET_COLUMN
from health_predict.errors import InfrastructureError, InputError
from health_predict.monitoring.ledger import Ledger
from tests.adapters.s3_bucket import s3
from tests.strategies import raw_frame

__all__ = ["s3"]

SOURCE = Source("data.csv", "sha", "file", "time", 42, "any", 30)


def component(store_class, config) -> dict:
    now = datetime.now(UTC)
    return {
        "name": "store", "id": uuid4(), "config": config, "flavor": store_class.FLAVOR_NAME, "type": "artifact_store",
        "user": None, "created": now, "updated": now,
    }  # fmt: skip


@pytest.fixture
def local(tmp_path: Path) -> MonitoringStore:
    from zenml.artifact_stores import LocalArtifactStore, LocalArtifactStoreConfig

    folder = tmp_path / "artifacts"
    folder.mkdir()
    LocalArtifactStore.FLAVOR_NAME = "local"
    config = LocalArtifactStoreConfig(path=str(folder))
    return MonitoringStore(LocalArtifactStore(**component(LocalArtifactStore, config)))


@pytest.fixture
def remote(s3) -> MonitoringStore:
    from zenml.integrations.s3.artifact_stores import S3ArtifactStore
    from zenml.integrations.s3.flavors import S3ArtifactStoreConfig

    S3ArtifactStore.FLAVOR_NAME = "s3"
    config = S3ArtifactStoreConfig(
        path=f"s3://hospital/{uuid4()}", client_kwargs={"endpoint_url": s3.meta.endpoint_url}
    )
    return MonitoringStore(S3ArtifactStore(**component(S3ArtifactStore, config)))


@pytest.fixture(params=["local", "remote"])
def store(request: pytest.FixtureRequest) -> MonitoringStore:
    return request.getfixturevalue(request.param)


def seen(store: MonitoringStore, *batches: str) -> Ledger:
    """A ledger in which these batches are finished."""
    ledger = Ledger()
    for batch in batches:
        ledger = ledger.see(batch, {"rows": 10})
        for state in ("scored", "checked", "decided"):
            ledger = ledger.advance(batch, state, {})
        ledger = ledger.settle(batch, {"result": "none"})
    store.keep(ledger)
    return ledger


def test_it_begins_empty_and_says_what_to_run(store) -> None:
    assert store.source() is None
    assert store.ledger() == Ledger()
    with pytest.raises(InputError, match="has not begun on this stack; run"):
        store.source_or_fail()


def test_everything_comes_back_as_it_was_kept(store) -> None:
    initial, stream, batch = raw_frame(20), raw_frame(30, seed=1), raw_frame(10, seed=2)
    store.begin(SOURCE, initial, stream)
    store.place_batch("b1", batch)
    store.keep_scores("b1", "3", pd.DataFrame({"probability": [0.25]}))
    store.keep_arrival("b1", {"action": "none"})
    ledger = seen(store, "b1")
    assert store.source() == SOURCE
    pd.testing.assert_frame_equal(store.initial(), initial)
    pd.testing.assert_frame_equal(store.stream(), stream)
    assert store.ledger() == ledger
    assert store.scores("b1", "3")["probability"].tolist() == [0.25]
    assert store.scores("b1", "4") is None
    assert store.arrival("b1") == {"action": "none"}
    place = store.keep_report("b1", "evidently.html", "<p>é</p>")
    assert place.endswith("drift_reports/b1/evidently.html")
    assert store.report("b1", "evidently.html") == "<p>é</p>"


def test_a_batch_is_read_without_its_outcomes_and_keeps_its_first_content(store) -> None:
    rows = raw_frame(10)
    store.place_batch("b1", rows)
    store.place_batch("b1", raw_frame(12, seed=5))
    assert TARGET_COLUMN not in store.batch("b1")
    pd.testing.assert_frame_equal(store.batch("b1"), rows.drop(columns=TARGET_COLUMN))


@pytest.mark.parametrize(
    ("current", "delay", "arrived"), [(0, 1, []), (1, 1, ["b0"]), (2, 2, ["b0"]), (2, 0, ["b0", "b1", "b2"])]
)
def test_outcomes_are_given_out_when_they_have_arrived_and_not_before(local, current, delay, arrived) -> None:
    for name in ("b0", "b1", "b2"):
        local.place_batch(name, raw_frame(5))
    seen(local, "b0", "b1", "b2")
    for name in ("b0", "b1", "b2"):
        if name in arrived:
            assert TARGET_COLUMN in local.labelled([name], current=current, delay=delay)[0]
        else:
            with pytest.raises(InputError, match=f"outcomes of batch {name} have not arrived at batch {current}"):
                local.labelled([name], current=current, delay=delay)


def test_a_reader_never_sees_half_a_ledger(local) -> None:
    ledgers = [seen(local, *(f"b{i}" for i in range(n))) for n in (1, 200)]
    stop = threading.Event()

    def keep() -> None:
        while not stop.is_set():
            for ledger in ledgers:
                local.keep(ledger)

    writer = threading.Thread(target=keep)
    writer.start()
    read = [local.ledger() for _ in range(100)]
    stop.set()
    writer.join()
    assert set(map(len, (ledger.entries for ledger in read))) <= {1, 200}


def test_a_missing_file_is_named_with_a_cure(store) -> None:
    with pytest.raises(InputError, match=r"current_batch_for_monitoring/none\.parquet is missing; restore it"):
        store.batch("none")


def test_an_unreachable_store_is_infrastructure(local, remote) -> None:
    file = Path(local.files.path) / "monitoring"
    file.write_text("in the way")
    with pytest.raises(InfrastructureError, match=r"the artifact store .* failed"):
        local.keep(Ledger())
    remote.files.filesystem.client_kwargs["endpoint_url"] = "http://127.0.0.1:9"
    remote.files.filesystem.config_kwargs["retries"] = {"max_attempts": 1}
    remote.files.filesystem.retries = 1  # those of s3fs itself
    remote.files.filesystem.connect(refresh=True)
    with pytest.raises(InfrastructureError, match=r"the artifact store s3://.* failed"):
        remote.keep(Ledger())
