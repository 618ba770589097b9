"""The folder of an endpoint: the releases it was given, and which of them the server is to serve.

releases/<version>-<content hash>/     complete and never changed
current -> releases/...                what the server follows
"""

import hashlib
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from health_predict.release import read_release

CURRENT, RELEASES = "current", "releases"
KEPT = 5  # releases beside the current one, for a roll-back


@dataclass(frozen=True)
class ReleaseStore:
    """Releases below `folder`; every change is one rename, so a reader never sees half of it."""

    folder: Path

    @property
    def current(self) -> Path:
        """The link that the server follows, there or not."""
        return self.folder / CURRENT

    def served(self) -> Path | None:
        """Return the release that the link names, if it names one that is there."""
        return self.current.resolve() if self.current.is_dir() else None

    def place(self, release_folder: Path) -> Path:
        """Copy a release in, once, and return where it lies; BundleError if it has no release.json."""
        version = read_release(release_folder).model_version
        target = self.folder / RELEASES / f"{version}-{_fingerprint(release_folder)}"
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.is_dir() and target.name.endswith(_fingerprint(target)):
            return target
        with tempfile.TemporaryDirectory(dir=target.parent) as workplace:
            copy = Path(shutil.copytree(release_folder, Path(workplace) / "copy"))
            if target.exists():  # damaged since
                target.rename(Path(workplace) / "damaged")
            copy.rename(target)
        return target

    def point_to(self, release: Path | None) -> None:
        """Make the link name this release, or nothing."""
        if release is None:
            self.current.unlink(missing_ok=True)
            return
        link = self.folder / f"{CURRENT}.new"
        link.unlink(missing_ok=True)
        link.symlink_to(release.relative_to(self.folder))
        link.replace(self.current)
        self._forget_old()

    def _forget_old(self) -> None:
        served = self.served()
        others = [release for release in (self.folder / RELEASES).iterdir() if release != served]
        for release in sorted(others, key=lambda path: path.stat().st_mtime)[:-KEPT]:
            shutil.rmtree(release)


def _fingerprint(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.iterdir() if path.is_file()):
        digest.update(f"{path.name}\0{path.stat().st_size}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]
