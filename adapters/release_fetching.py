"""From the registry to a release folder: what a server, an image or a verification starts from."""

import json
from pathlib import Path
from typing import Any

from adapters.mlflow_registry import MODEL_NAME
from adapters.stack_connection import registry_of_stack
from health_predict.errors import InputError
from health_predict.release import Release, write_release
from health_predict.scorer import GOLDEN, BundleError, load_scorer


def release_of(version: str | None) -> Release:
    """Return the champion's release on the active stack, or that of a version; InputError if there is none."""
    registry = registry_of_stack()
    found = registry.find(version) if version else registry.champion()
    if found is None:
        raise InputError(f"{MODEL_NAME} has no champion yet; train one: python run.py --pipeline train")
    return Release(MODEL_NAME, found.version, found.run_id)


def fetch_release(release: Release, folder: Path) -> Path:
    """Download the release into `folder` and prove that it replays; InputError if it does not.

    Returns:
        The release folder.
    """
    bundle = registry_of_stack().download_bundle(release.model_version, folder)
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
