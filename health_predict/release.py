"""What a server is given: a bundle, and beside it release.json, which says what version of which model it is.

A bundle is built before its version is registered, so the version cannot stand in its manifest. No pandas.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from health_predict.scorer import BundleError

RELEASE = "release.json"


@dataclass(frozen=True)
class Release:
    """A registered version that is to be served; all of it is text for `meta.tags`."""

    model_name: str
    model_version: str
    run_id: str


def write_release(folder: Path, release: Release) -> None:
    """Write release.json into the folder of the bundle."""
    (folder / RELEASE).write_text(json.dumps(asdict(release), indent=1) + "\n")


def read_release(folder: Path) -> Release:
    """Read release.json from the folder of a bundle; BundleError if it is missing or unreadable."""
    try:
        content = json.loads((folder / RELEASE).read_text())
        return Release(**{name: str(content[name]) for name in ("model_name", "model_version", "run_id")})
    except (OSError, ValueError, KeyError, TypeError) as error:
        problem = type(error).__name__
        raise BundleError(f"bundle {folder}: {RELEASE} is unreadable ({problem}); deploy the version again") from None
