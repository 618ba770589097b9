"""Finds the version to be served and proves its bundle."""

import logging
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

from zenml import step

from adapters.release_fetching import fetch_release as fetch
from adapters.release_fetching import release_of

LOG = logging.getLogger("health_predict.steps")


@step(enable_cache=False, experiment_tracker=True)
def fetch_release(version: str | None) -> Annotated[dict[str, Any], "release"]:
    """Return the champion, or the version that was named; its bundle replays its golden records."""
    release = release_of(version)
    with tempfile.TemporaryDirectory() as folder:
        fetch(release, Path(folder))
    LOG.info("release: version %s, its bundle replays", release.model_version)
    return asdict(release)
