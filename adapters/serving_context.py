"""The build context of the server's image: what the server imports, its locked packages, one release, nothing else.

The packages are downloaded here, where pip knows how to reach a package registry, and checked against the lock's hashes
here and again in the build. So a build needs no network, and no setting of a registry can end in the image.
"""

import ast
import hashlib
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from health_predict.errors import InfrastructureError
from health_predict.release import RELEASE, read_release
from health_predict.scorer import BUNDLE_FILES, BundleError

ROOT = Path(__file__).resolve().parents[1]
SERVER, DOMAIN = "serving", "health_predict"
LOCKS = ("serving.txt", "installer.txt")
MACHINES = {"arm64": "aarch64", "AMD64": "x86_64"}  # other names of the two that the wheels exist for
GLIBC = ("2_28", "2_27", "2_17", "2_12", "2_5")  # what a base image with Python 3.11 can be expected to run
_SECONDS = 600


def stage_context(release_folder: Path, target: Path) -> Path:
    """Copy code, locks, Dockerfile and release into `target`, readable by any user; the wheels are added later.

    Returns:
        `target`, with code/, requirements/, release/ and the Dockerfile.

    Raises:
        BundleError: a file of the release is missing.
    """
    for source in _server_files():
        _copy(source, target / "code" / source.relative_to(ROOT))
    for lock in LOCKS:
        _copy(ROOT / "requirements" / lock, target / "requirements" / lock)
    _copy(ROOT / SERVER / "Dockerfile", target / "Dockerfile")
    (target / ".dockerignore").write_text("# nothing: what is here was chosen\n")
    read_release(release_folder)
    for name in (*BUNDLE_FILES, RELEASE):
        if not (release_folder / name).is_file():
            raise BundleError(f"bundle {release_folder}: {name} is missing; train and register the model again")
        _copy(release_folder / name, target / "release" / name)
    for folder in (target, *(path for path in target.rglob("*") if path.is_dir())):
        folder.chmod(0o755)
    return target


def content_of(context: Path, base_image: str) -> str:
    """Return a digest (64 hex digits) of all that decides what the image holds: staged files and base image."""
    digest = hashlib.sha256(base_image.encode())
    for path in sorted(path for path in context.rglob("*") if path.is_file()):
        digest.update(f"\0{path.relative_to(context)}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def add_wheels(context: Path, cache: Path, machine: str | None = None) -> Path:
    """Add context/wheelhouse: every package of the locks for Linux on `machine` (by default this one's kind).

    Downloaded once for the same locks and kept in `cache`. InfrastructureError if pip cannot fetch them.
    """
    wheels = fetch_wheels([context / "requirements" / lock for lock in LOCKS], cache, machine)
    return shutil.copytree(wheels, context / "wheelhouse")


def fetch_wheels(locks: list[Path], cache: Path, machine: str | None = None) -> Path:
    """Return a folder below `cache` with every package of `locks`; downloaded once for the same locks and machine."""
    machine = machine or platform.machine()
    machine = MACHINES.get(machine, machine)
    key = hashlib.sha256(b"".join(lock.read_bytes() for lock in locks)).hexdigest()[:16]
    wheels = cache / f"{machine}-{key}"
    if not wheels.is_dir():
        _download(locks, wheels, machine)
    return wheels


def _download(locks: list[Path], wheels: Path, machine: str) -> None:
    wheels.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=wheels.parent) as unfinished:
        for lock in locks:
            _run_pip(lock, Path(unfinished) / "wheels", machine)
        for path in Path(unfinished, "wheels").iterdir():
            path.chmod(0o644)
        if not wheels.is_dir():  # another process may have been faster
            Path(unfinished, "wheels").rename(wheels)


def _run_pip(lock: Path, folder: Path, machine: str) -> None:
    platforms = [f"--platform=manylinux_{glibc}_{machine}" for glibc in GLIBC] + [f"--platform=manylinux2014_{machine}"]
    target = ["--python-version=3.11", "--implementation=cp", *platforms]
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes", *target]
    try:
        result = subprocess.run(  # noqa: S603 - our own interpreter and locks
            [*command, "--dest", str(folder), "--requirement", str(lock)],
            capture_output=True,
            text=True,
            timeout=_SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise InfrastructureError(f"the server's packages were not fetched in {_SECONDS} s; deploy again") from None
    if result.returncode:
        errors = [line for line in result.stderr.splitlines() if line.startswith("ERROR")] or [result.stderr.strip()]
        cure = "check that `pip download` works here, then deploy again"
        raise InfrastructureError(f"requirements/{lock.name}: packages cannot be fetched ({errors[-1][:200]}); {cure}")


def _server_files() -> tuple[Path, ...]:
    """The files of the server's package and the modules of the domain that it imports, directly or not."""
    found: set[Path] = set()
    todo = [path for path in (ROOT / SERVER).rglob("*") if path.is_file() and _is_content(path)]
    while todo:
        path = todo.pop()
        if path not in found:
            found.add(path)
            todo += _imported(path) if path.suffix == ".py" else ()
    return tuple(sorted(found))


def _is_content(path: Path) -> bool:
    return path.name != "Dockerfile" and "__pycache__" not in path.parts


def _imported(path: Path) -> Iterator[Path]:
    """Yield the files behind the imports of our own packages, the __init__.py on the way included."""
    for node in ast.walk(ast.parse(path.read_text())):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        for name in names:
            parts = name.split(".")
            if parts[0] in (SERVER, DOMAIN):
                yield from _files_of(parts)


def _files_of(parts: list[str]) -> Iterator[Path]:
    packages = (ROOT.joinpath(*parts[:depth], "__init__.py") for depth in range(1, len(parts) + 1))
    module = ROOT.joinpath(*parts).with_suffix(".py")
    return (path for path in (*packages, module) if path.is_file())


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    target.chmod(0o644)
