"""Takes family and hyperparameters over from the champion, in place of a search."""

import json
import tempfile
from pathlib import Path
from typing import Annotated, Any

from zenml import step

from adapters.mlflow_registry import BUNDLE, Registry
from health_predict.errors import InputError
from health_predict.scorer import MANIFEST
from health_predict.training import trial_of
from stacks.environment import state_folder


@step(enable_cache=False, experiment_tracker=True)
def take_configuration(champion: str, target: str, seed: int) -> Annotated[list[dict[str, Any]], "trials"]:
    """Return the configuration of a version as the only trial; InputError if it predicts another target."""
    registry = Registry(state_folder() / "locks")
    with tempfile.TemporaryDirectory() as folder:
        file = registry.download_artifact(champion, f"{BUNDLE}/{MANIFEST}", Path(folder))
        manifest = json.loads(file.read_text())
    if manifest["target"] != target:
        raise InputError(f"version {champion} predicts {manifest['target']}, not {target}; set the target to its own")
    return [trial_of(manifest, seed).as_dict()]
