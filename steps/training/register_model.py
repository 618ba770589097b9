"""Registers the run's model, if the run is complete and its bundle replays."""

import logging
from typing import Annotated, Any

from zenml import step

from adapters.stack_connection import registry_of_stack
from health_predict.scorer import load_scorer

LOG = logging.getLogger("health_predict.steps")


@step(experiment_tracker=True, enable_cache=False)
def register_model(run: dict[str, Any], trigger: str = "") -> Annotated[str, "version"]:
    """Register the model and name it challenger.

    Args:
        trigger: what monitoring asked for; a version that was made for it already is returned as it is.
    """
    registry = registry_of_stack()
    tags = {name: run[name] for name in ("family", "target", "provenance")} | run.get("tags", {})
    tags |= {"trigger": trigger} if trigger else {}
    registered = registry.register(run["run_id"], run["model_uri"], replay=load_scorer, tags=tags)
    if registered.status == "registered":
        registry.set_challenger(registered.version)
    LOG.info("registered: version %s", registered.version)
    return registered.version
