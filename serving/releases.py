"""The release that is served: proven before it answers, and exchanged for a newer one while requests run.

HEALTH_PREDICT_BUNDLE names a folder, as a rule a symbolic link that a deployment swaps in one step. Whatever it leads
to is loaded and proven beside the release that serves; if that fails, the old one serves on and /health says why.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from health_predict.errors import HealthPredictError
from health_predict.release import RELEASE, Release, read_release
from health_predict.scorer import BUNDLE_FILES, Scorer, load_scorer

SECONDS_BETWEEN_LOOKS = 0.5
_log = logging.getLogger(__name__)

Identity = tuple[str, tuple[tuple[int, int, int], ...]]  # resolved folder; inode, size and time of each file


@dataclass(frozen=True)
class Served:
    """A proven release; a request takes it once and answers with nothing else."""

    release: Release
    scorer: Scorer


@dataclass(frozen=True)
class Refused:
    """A release that was offered and does not serve; `release` is the name of its folder."""

    release: str
    reason: str


class Releases:
    """Holds the release that serves and looks for a newer one."""

    def __init__(self, offered: Path, on_refused: Callable[[], None] = lambda: None) -> None:
        self.served: Served | None = None
        self.refused: Refused | None = None
        self._offered = offered
        self._on_refused = on_refused
        self._seen: Identity | None = None

    def watch(self) -> None:
        """Look twice a second, in a thread that ends with the process."""
        threading.Thread(target=self._watch, name="releases", daemon=True).start()

    def look(self) -> None:
        """Load what is offered, if it changed since the last look."""
        folder = self._offered.resolve()
        identity = _identity(folder)
        if identity == self._seen:
            return
        self._seen = identity
        if folder.is_dir():
            self._load(folder)
        else:
            self._refuse(folder, f"no release at {self._offered}; run: python run.py --pipeline deploy")

    def _load(self, folder: Path) -> None:
        started = time.monotonic()
        try:
            self.served = Served(read_release(folder), load_scorer(folder))
        except HealthPredictError as error:
            self._refuse(folder, str(error))
        except Exception as error:
            self._refuse(folder, f"{folder} cannot be loaded ({type(error).__name__})")
        else:
            self.refused = None
            _log.info("serves %s, loaded in %.1f s", self.served.release, time.monotonic() - started)

    def _watch(self) -> None:
        while True:
            try:
                self.look()
            except (OSError, RuntimeError) as error:  # a folder that may not be read, a link to itself
                self._seen = None
                self._refuse(self._offered, f"{self._offered} cannot be looked at ({type(error).__name__})")
            time.sleep(SECONDS_BETWEEN_LOOKS)

    def _refuse(self, folder: Path, reason: str) -> None:
        refused = Refused(folder.name, reason)
        if refused == self.refused:
            return
        self.refused = refused
        self._on_refused()
        served = self.served
        state = f"version {served.release.model_version} serves on" if served else "nothing is served"
        _log.error("release refused, %s: %s", state, reason)


def _identity(folder: Path) -> Identity:
    return str(folder), tuple(map(_stamp, (folder / name for name in (*BUNDLE_FILES, RELEASE))))


def _stamp(file: Path) -> tuple[int, int, int]:
    try:
        found = file.stat()
    except OSError:
        return (0, 0, 0)
    return found.st_ino, found.st_size, found.st_mtime_ns
