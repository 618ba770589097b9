import shutil
from pathlib import Path

import pytest

from health_predict.release import Release, write_release
from health_predict.scorer import BundleError
from stacks.components.seldon_local.release_store import KEPT, ReleaseStore


@pytest.fixture
def store(tmp_path: Path) -> ReleaseStore:
    return ReleaseStore(tmp_path / "endpoint")


def release(folder: Path, version: str, content: str = "x") -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "model.onnx").write_text(content)
    write_release(folder, Release("HealthPredict", version, f"run{version}"))
    return folder


def test_a_release_is_placed_once_and_named_by_version_and_content(store, tmp_path) -> None:
    source = release(tmp_path / "a", "7")
    first = store.place(source)
    assert first.name.startswith("7-")
    before = (first / "model.onnx").stat().st_ino
    assert store.place(source) == first
    assert (first / "model.onnx").stat().st_ino == before
    assert store.place(release(tmp_path / "b", "7", "y")) != first


def test_a_damaged_copy_is_replaced(store, tmp_path) -> None:
    source = release(tmp_path / "a", "7")
    placed = store.place(source)
    (placed / "model.onnx").write_text("damaged")
    assert store.place(source) == placed
    assert (placed / "model.onnx").read_text() == "x"


def test_the_link_moves_from_release_to_release_and_away(store, tmp_path) -> None:
    one, two = store.place(release(tmp_path / "a", "1")), store.place(release(tmp_path / "b", "2"))
    assert store.served() is None
    for wanted in (one, two, one):
        store.point_to(wanted)
        assert store.served() == wanted
        assert store.current.is_symlink()
    store.point_to(None)
    assert store.served() is None


def test_the_link_survives_a_move_of_the_state_folder(store, tmp_path) -> None:
    store.point_to(store.place(release(tmp_path / "a", "1")))
    moved = ReleaseStore(Path(shutil.move(store.folder, tmp_path / "moved")))
    assert (moved.served() or Path()).parent.parent == moved.folder


def test_old_releases_are_forgotten_but_never_the_served_one(store, tmp_path) -> None:
    served = store.place(release(tmp_path / "first", "0"))
    store.point_to(served)
    for version in range(1, KEPT + 4):
        store.place(release(tmp_path / str(version), str(version)))
    store.point_to(served)
    left = sorted(path.name.partition("-")[0] for path in (store.folder / "releases").iterdir())
    assert left == ["0", *(str(version) for version in range(4, KEPT + 4))]


def test_a_folder_without_release_file_is_refused(store, tmp_path) -> None:
    (tmp_path / "bare").mkdir()
    with pytest.raises(BundleError, match=r"release\.json is unreadable"):
        store.place(tmp_path / "bare")
