import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest

from adapters.serving_context import LOCKS, ROOT, add_wheels, content_of, stage_context
from health_predict.errors import InfrastructureError
from health_predict.release import Release, write_release
from health_predict.scorer import BUNDLE_FILES, BundleError


@pytest.fixture
def release(tmp_path) -> Path:
    folder = tmp_path / "release"
    folder.mkdir(mode=0o700)
    for name in BUNDLE_FILES:
        (folder / name).write_text(name)
    write_release(folder, Release("HealthPredict", "7", "0123456789abcdef"))
    return folder


@pytest.fixture
def context(release, tmp_path) -> Path:
    return stage_context(release, tmp_path / "context")


@pytest.fixture
def locks(tmp_path) -> Path:
    """A context with locks of one small package that no registry has."""
    folder = tmp_path / "locks"
    (folder / "requirements").mkdir(parents=True)
    for lock in LOCKS:
        (folder / "requirements" / lock).write_text("health-predict-absent==1 --hash=sha256:" + "0" * 64 + "\n")
    return folder


@pytest.fixture
def served_environment():
    """Run code in the server's environment, with nothing of the checkout but the given folder."""
    python = ROOT / ".venv-serving" / "bin" / "python"
    assert python.is_file(), "the environment of the server is missing; run: make setup"

    def run(folder: Path, code: str) -> None:
        done = subprocess.run([python, "-c", code], cwd=folder, env={"PYTHONPATH": str(folder)}, capture_output=True)
        assert done.returncode == 0, done.stderr.decode()[-1500:]

    return run


def names(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_only_what_the_server_needs_is_staged(context) -> None:
    staged = names(context)
    assert {name for name in staged if name.startswith("release/")} == {
        f"release/{name}" for name in (*BUNDLE_FILES, "release.json")
    }
    assert names(context / "requirements") == set(LOCKS)
    assert {
        "code/serving/__main__.py",
        "code/health_predict/scorer.py",
        "code/health_predict/record_schema.py",
    } <= staged
    training = {"training", "preprocessor", "bundle", "schema", "trials", "promotion", "reading"}
    assert not {f"code/health_predict/{name}.py" for name in training} & staged
    assert {name.split("/")[0] for name in staged} == {"code", "requirements", "release", "Dockerfile", ".dockerignore"}


def test_every_import_of_our_own_is_staged(context, served_environment) -> None:
    modules = sorted(
        str(path.relative_to(context / "code").with_suffix("")).replace("/", ".").removesuffix(".__init__")
        for path in (context / "code").rglob("*.py")
        if path.name != "__main__.py"
    )
    served_environment(context / "code", f"import {', '.join(modules)}")


def test_staged_files_are_readable_by_any_user(context) -> None:
    modes = {path.stat().st_mode & 0o777 for path in context.rglob("*")}
    assert modes <= {0o644, 0o755}
    assert context.stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize("missing", BUNDLE_FILES)
def test_an_incomplete_release_is_named(release, tmp_path, missing: str) -> None:
    (release / missing).unlink()
    with pytest.raises(BundleError, match=f"{missing} is missing"):
        stage_context(release, tmp_path / "context")


def test_the_content_is_the_same_wherever_it_is_staged(release, context, tmp_path) -> None:
    assert content_of(stage_context(release, tmp_path / "again"), "base") == content_of(context, "base")


@pytest.mark.parametrize(
    "changed", ["code/serving/__main__.py", "requirements/serving.txt", "release/model.onnx", "Dockerfile"]
)
def test_every_change_changes_the_content(context, changed: str) -> None:
    before = content_of(context, "base")
    with (context / changed).open("a") as file:
        file.write("\n")
    assert content_of(context, "base") != before


def test_another_base_is_other_content(context) -> None:
    assert content_of(context, "python:3.11-slim-bookworm") != content_of(context, "python:3.11-slim-trixie")


def test_wheels_in_the_cache_are_not_fetched_again(locks, tmp_path) -> None:
    key = hashlib.sha256(b"".join((locks / "requirements" / lock).read_bytes() for lock in LOCKS)).hexdigest()[:16]
    cached = tmp_path / "cache" / f"aarch64-{key}"
    cached.mkdir(parents=True)
    (cached / "absent-1.whl").write_text("wheel")
    assert names(add_wheels(locks, tmp_path / "cache", "arm64")) == {"absent-1.whl"}


def test_packages_that_cannot_be_fetched_leave_no_cache(locks, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(InfrastructureError, match=r"requirements/serving.txt: packages cannot be fetched") as error:
        add_wheels(locks, tmp_path / "cache")
    assert "\n" not in str(error.value)
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_package_with_another_hash_is_refused(locks, tmp_path, monkeypatch) -> None:
    wheel = make_wheel(tmp_path / "registry")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheel.parent))
    with pytest.raises(InfrastructureError, match=r"HASH|hash"):
        add_wheels(locks, tmp_path / "cache")
    for lock in LOCKS:
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        (locks / "requirements" / lock).write_text(f"health-predict-absent==1 --hash=sha256:{digest}\n")
    assert names(add_wheels(locks, tmp_path / "cache")) == {wheel.name}


def make_wheel(folder: Path) -> Path:
    """A package without content."""
    about = folder / "content" / "health_predict_absent-1.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: health-predict-absent\nVersion: 1\n")
    (about / "WHEEL").write_text("Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
    (about / "RECORD").write_text("")
    archive = shutil.make_archive(str(folder / "wheel"), "zip", folder / "content")
    return Path(archive).rename(folder / "health_predict_absent-1-py3-none-any.whl")
