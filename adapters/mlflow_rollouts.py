"""Writes rollouts to MLflow: a run of the deployment experiment, and a tag of the version."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import mlflow

from adapters.stack_connection import registry_of_stack


def log_rollout(rollout: Mapping[str, Any], now: datetime) -> None:
    """Log a rollout (`Rollout.as_dict`) to the active run and to the version it is about."""
    verification = rollout["verification"]
    mlflow.log_params({key: rollout[key] for key in ("model_version", "run_id", "url")})
    mlflow.set_tags({"status": rollout["status"], "reason": rollout["reason"], "serving": rollout["serving"] or "none"})
    measured = {"latency_median_ms": verification["median_ms"], "latency_p95_ms": verification["p95_ms"]}
    mlflow.log_metrics({**measured, "verified": float(verification["passed"])})
    mlflow.log_dict(dict(rollout), "rollout.json")
    registry = registry_of_stack()
    registry.record_rollout(rollout["model_version"], json.dumps(rollout, sort_keys=True), now)
