"""The encounters that reports on a file compare with: kept ones, the stream's, or read anew, and never others."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from adapters import training_rows
from adapters.monitoring_store import Source
from configs.monitor import StreamSettings
from health_predict.columns import ENCOUNTER
from health_predict.errors import InputError
from health_predict.reading import read_raw
from health_predict.release import Release
from health_predict.splits import split
from health_predict.synthetic import sample_encounters
from tests.strategies import csv_text

RELEASE, SETTINGS = Release("HealthPredict", "3", "run"), StreamSettings(protocol="time", seed=42)


class Kept:
    """What the store has of the training window, in memory."""

    def __init__(self, source: Source | None = None) -> None:
        self.rows, self._source = {}, source

    def source(self) -> Source | None:
        return self._source

    def reference_rows(self, version: str):
        return self.rows.get(version)

    def keep_reference_rows(self, version: str, rows) -> None:
        self.rows[version] = rows


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "trained_on.csv"
    path.write_text(csv_text(sample_encounters(1500, seed=2)))
    return path


@pytest.fixture(autouse=True)
def version(monkeypatch: pytest.MonkeyPatch, file: Path) -> SimpleNamespace:
    """Version 3 learnt from the file; its tags can be changed."""
    found = SimpleNamespace(tags={})
    monkeypatch.setattr(training_rows, "manifest_of", lambda release: {"data_sha256": read_raw(file).sha256})
    monkeypatch.setattr(training_rows, "registry_of_stack", lambda: SimpleNamespace(find=lambda version: found))
    monkeypatch.setattr(training_rows, "reference_rows", lambda store, version: "the stream's")
    return found


def of(store: Kept, data: object):
    return training_rows.training_rows(store, RELEASE, str(data), SETTINGS)


def source(sha256: str) -> Source:
    return Source("f", sha256, "file", "time", 42, "any", 10)


def test_they_are_read_from_the_file_it_learnt_from_and_kept(file: Path) -> None:
    store = Kept()
    rows = of(store, file)
    parts = split(read_raw(file).frame, seed=42)
    assert set(rows[ENCOUNTER]) == set().union(*(p[ENCOUNTER] for p in (parts.train, parts.validation, parts.test)))
    assert of(store, "nowhere.csv") is rows


def test_another_file_is_refused(tmp_path: Path) -> None:
    other = tmp_path / "other.csv"
    other.write_text(csv_text(sample_encounters(300, seed=3)))
    with pytest.raises(InputError, match=r"^other\.csv: version 3 was trained on another file .*--data.*--reference$"):
        of(store := Kept(), other)
    assert store.rows == {}


def test_the_stream_has_them_if_it_is_of_the_same_file_or_the_version_came_of_it(file: Path, version) -> None:
    assert of(Kept(source(read_raw(file).sha256)), "nowhere.csv") == "the stream's"
    foreign = Kept(source("another"))
    assert len(of(foreign, file)) > 200
    version.tags["trigger"] = "retrain:b1"
    assert of(Kept(source("another")), "nowhere.csv") == "the stream's"
