"""Registers the run's model, if the run is complete and its bundle replays."""

import logging
from typing import Annotated, Any

from zenml import step

from adapters.mlflow_registry import Registry
from health_predict.scorer import load_scorer
from stacks.environment import state_folder

LOG = logging.getLogger("health_predict.steps")


@step(experiment_tracker=True, enable_cache=False)
def register_model(run: dict[str, Any], evaluation: dict[str, Any]) -> Annotated[str, "version"]:
    """Register the model and name it challenger."""
    registry = Registry(state_folder() / "locks")
    tags = {"family": run["family"], "target": run["target"], "provenance": evaluation["provenance"]}
    registered = registry.register(run["run_id"], run["model_uri"], replay=load_scorer, tags=tags)
    registry.set_challenger(registered.version)
    LOG.info("registered: version %s", registered.version)
    return registered.version
