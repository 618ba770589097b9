"""Makes a recalibrated version champion in place of the one it was made from."""

import json
import logging
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any

from zenml import step

from adapters.mlflow_versions import RegisteredVersion
from adapters.stack_connection import registry_of_stack
from health_predict.monitoring.renewal import remaining
from health_predict.promotion import ModelFacts
from health_predict.recalibrated import adopt_recalibration

LOG = logging.getLogger("health_predict.steps")


@step(experiment_tracker=True, enable_cache=False)
def adopt_model(version: str) -> Annotated[dict[str, Any], "promotion"]:
    """Promote the version, or refuse it if there is another champion by now; one that was decided on stays as it is."""
    registry, now = registry_of_stack(), datetime.now(UTC)
    registry.settle(now)
    found = registry.find(version)
    if remaining(found.status).left == "nothing":
        return dict(json.loads(found.tags["promotion_decision"]))
    former = registry.find(found.tags["recalibrated_from"])
    decision = adopt_recalibration(_facts(former), _facts(found), found.tags["recalibration"])
    promotion = registry.promote(version, former.version, decision, now)
    if not promotion.promoted:
        LOG.info("%s", promotion.reason)
        decision = replace(decision, promoted=False, reason=promotion.reason)
        registry.record_refusal(version, decision, now)
    return decision.as_dict()


def _facts(version: RegisteredVersion) -> ModelFacts:
    return ModelFacts(version.version, version.run_id, version.tags["target"], version.tags["provenance"])
