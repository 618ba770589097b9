"""Carries out what monitoring decides, once: a new version, its promotion or refusal, and its deployment.

Whatever an interrupted command had done already is found in the registry, by what triggered it, and not done again.
"""

from typing import TYPE_CHECKING, Any

import click

from configs.deploy import DeployConfig
from configs.loading import load
from configs.monitor import MonitorConfig
from configs.train import TrainConfig
from driver.connection import registry_of_stack
from driver.runs import run_to_end
from health_predict.errors import InfrastructureError

if TYPE_CHECKING:
    from adapters.mlflow_versions import RegisteredVersion
    from adapters.monitoring_store import MonitoringStore
    from health_predict.monitoring.ledger import Entry


def finish(store: "MonitoringStore", config: MonitorConfig) -> "Entry":
    """Carry out the action of the decided batch and return its settled entry."""
    ledger = store.ledger()
    entry = ledger.unfinished()
    if entry is None or entry.state != "decided":
        raise RuntimeError("the monitoring pipeline ended without a decided batch")
    settled = ledger.settle(entry.batch, _carried_out(store, entry, config))
    store.keep(settled)
    return next(done for done in settled.entries if done.batch == entry.batch)


def recalibrate(labelled: "Entry", index: int, config: MonitorConfig) -> dict[str, Any]:
    """Move the champion's intercept to the outcomes of a batch, and serve the new version."""
    from pipelines.recalibration import recalibration_pipeline

    trigger = f"recalibrate:{labelled.batch}"
    if _unfinished(trigger):
        champion = registry_of_stack().champion()
        request = {
            "trigger": trigger,
            "champion": champion.version if champion else None,
            "batch": labelled.batch,
            "current": index,
            "delay": config.label_delay,
        }
        run_to_end(recalibration_pipeline, no_cache=False, request=request)
    return _outcome(_made(trigger))


def _carried_out(store: "MonitoringStore", entry: "Entry", config: MonitorConfig) -> dict[str, Any]:
    action = entry.records["decided"]["action"]
    if action == "retrain":
        click.echo(f"  retrain: {entry.records['decided']['reason']}")
        return _retrain(entry, config)
    if action == "recalibrate":  # before the batch was scored; its deployment may have been interrupted
        labelled = store.ledger().find(entry.records["checked"]["labelled"])
        if labelled is None:
            raise RuntimeError("a recalibration without a labelled batch")
        return recalibrate(labelled, entry.records["seen"]["index"], config)
    return {"result": "waiting" if action == "waiting" else "none", "version": None, "served": None}


def _retrain(entry: "Entry", config: MonitorConfig) -> dict[str, Any]:
    from pipelines.retraining import retraining_pipeline

    trigger, decided = f"retrain:{entry.batch}", entry.records["decided"]
    if _unfinished(trigger):
        request = {
            "trigger": trigger,
            "champion": decided["reference"],
            "matured": decided["matured"],
            "search": config.retrain.search,
            "judges": config.retrain.judges,
            "current": entry.records["seen"]["index"],
            "delay": config.label_delay,
        }
        run_to_end(retraining_pipeline, no_cache=False, config=load(TrainConfig, "train"), request=request)
    return _outcome(_made(trigger))


def _unfinished(trigger: str) -> bool:
    """Whether the version is still to be made, or was registered and neither promoted nor refused."""
    made = registry_of_stack().find_by_trigger(trigger)
    return made is None or made.status == "registered"


def _made(trigger: str) -> "RegisteredVersion":
    made = registry_of_stack().find_by_trigger(trigger)
    if made is None:
        raise InfrastructureError(f"{trigger} ended without a registered version; run the same command again")
    return made


def _outcome(made: "RegisteredVersion") -> dict[str, Any]:
    reason = made.tags.get("promotion_reason", "")
    if made.status != "champion":
        return {"result": "refused", "version": made.version, "served": None, "reason": reason}
    return {"result": "promoted", "version": made.version, "served": _serve(made.version), "reason": reason}


def _serve(version: str) -> str | None:
    """Serve the new champion and return what is served; a stack without a model deployer serves nothing."""
    from zenml.client import Client

    if Client().active_stack.model_deployer is None:
        click.echo("  the stack has no model deployer: the new champion is not served")
        return None
    from adapters.seldon_endpoint import endpoint_of_stack
    from driver.deploy import run_deployment

    config = load(DeployConfig, "deploy")
    now = endpoint_of_stack(config.endpoint).find()
    if now is not None and now.state == "running" and now.model_version == version:
        return version
    rollout = run_deployment(config, version)
    if rollout["status"] != "deployed":
        raise InfrastructureError(f"{rollout['reason']}; run the same command again")
    return str(rollout["serving"])
