"""Records in MLflow what came of the deployment."""

from datetime import UTC, datetime
from typing import Any

from zenml import step

from adapters.mlflow_rollouts import log_rollout


@step(enable_cache=False, experiment_tracker=True)
def record_rollout(rollout: dict[str, Any]) -> None:
    """Log it to the active run and tag the version."""
    log_rollout(rollout, datetime.now(UTC))
