"""Takes family and hyperparameters over from the champion, in place of a search."""

from typing import Annotated, Any

from zenml import step

from adapters.champion_scoring import manifest_of
from health_predict.errors import InputError
from health_predict.training import trial_of


@step(enable_cache=False, experiment_tracker=True)
def take_configuration(champion: str, target: str, seed: int) -> Annotated[list[dict[str, Any]], "trials"]:
    """Return the configuration of a version as the only trial; InputError if it predicts another target."""
    manifest = manifest_of(champion)
    if manifest["target"] != target:
        raise InputError(f"version {champion} predicts {manifest['target']}, not {target}; set the target to its own")
    return [trial_of(manifest, seed).as_dict()]
