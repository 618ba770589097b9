"""From the registry to a release folder: what a server, an image or a verification starts from."""

import json
from pathlib import Path
from typing import Any

from adapters.mlflow_registry import MODEL_NAME, Registry
from health_predict.errors import InputError
from health_predict.release import Release, write_release
from health_predict.scorer import GOLDEN, BundleError, load_scorer
from stacks.environment import state_folder


def release_of(version: str | None, registry: Registry | None = None) -> Release:
    """Return the champion's release, or that of a version; InputError if there is none.

    Args:
        registry: by default the one at MLflow's own tracking URI, which the experiment tracker of a step sets.
    """
    registry = registry or Registry(state_folder() / "locks")
    found = registry.find(version) if version else registry.champion()
    if found is None:
        raise InputError(f"{MODEL_NAME} has no champion yet; train one: python run.py --pipeline train")
    return Release(MODEL_NAME, found.version, found.run_id)


def fetch_release(release: Release, folder: Path, registry: Registry | None = None) -> Path:
    """Download the release into `folder` and prove that it replays; InputError if it does not.

    Returns:
        The release folder.
    """
    registry = registry or Registry(state_folder() / "locks")
    bundle = registry.download_bundle(release.model_version, folder)
    try:
        load_scorer(bundle)
    except BundleError as error:
        cure = "choose another with --model-version, or go back: python run.py --pipeline rollback"
        raise InputError(f"version {release.model_version} cannot be served: {error}; {cure}") from None
    write_release(bundle, release)
    return bundle


def read_golden(release_folder: Path) -> dict[str, Any]:
    """Return the golden "records" of a release and the "probabilities" that they get."""
    golden: dict[str, Any] = json.loads((release_folder / GOLDEN).read_text())
    return golden
