"""Carries out what monitoring decides, once: a new version, its promotion or refusal, and its deployment."""

from typing import TYPE_CHECKING, Any

import click

from adapters.mlflow_monitoring import MonitoringRuns
from adapters.stack_connection import tracking_uri_of_stack
from configs.deploy import DeployConfig
from configs.loading import load
from configs.monitor import MonitorConfig
from configs.train import TrainConfig
from driver.renewal import renew
from health_predict.errors import HealthPredictError, InfrastructureError
from health_predict.monitoring.deciding import position
from health_predict.monitoring.maturity import matured
from health_predict.monitoring.renewal import RenewalRequest

if TYPE_CHECKING:
    from adapters.monitoring_store import MonitoringStore
    from health_predict.monitoring.ledger import Entry


def finish(store: "MonitoringStore", config: MonitorConfig) -> "Entry":
    """Carry out the action of the decided batch and return its settled entry."""
    ledger = store.ledger()
    entry = ledger.unfinished()
    if entry is None or entry.state != "decided":
        raise RuntimeError("the monitoring pipeline ended without a decided batch")
    settled = ledger.settle(entry.batch, _carried_out(store, entry, config))
    done = settled.entries[position(settled, entry.batch)]
    # before the ledger calls it done, since nobody would come back to it
    MonitoringRuns(tracking_uri_of_stack()).log_outcome(done.records["checked"]["mlflow_run_id"], done)
    store.keep(settled)
    return done


def recalibrate(
    store: "MonitoringStore", labelled: "Entry", champion: str, index: int, config: MonitorConfig
) -> dict[str, Any]:
    """Move the champion's intercept to the outcomes of a batch, and serve the new version.

    Args:
        champion: the version that the outcomes were compared with.
        index: of the batch that these outcomes arrive with.
    """
    return _renew(store, f"recalibrate:{labelled.batch}", champion, index, config)


def _carried_out(store: "MonitoringStore", entry: "Entry", config: MonitorConfig) -> dict[str, Any]:
    decided, index = entry.records["decided"], entry.records["seen"]["index"]
    if decided["action"] == "retrain":
        click.echo(f"  retrain: {decided['reason']}")
        return _renew(store, f"retrain:{entry.batch}", entry.records["scored"]["version"], index, config)
    if decided["action"] == "recalibrate":  # before the batch was scored; serving it may have been interrupted
        arrival = store.arrival(entry.records["checked"]["labelled"])
        if arrival is None:
            raise RuntimeError("a recalibration without outcomes")
        return _renew(store, f"recalibrate:{arrival['labelled']}", arrival["version"], index, config)
    return {"result": "waiting" if decided["action"] == "waiting" else "none", "version": None, "served": _served()}


def _renew(store: "MonitoringStore", trigger: str, champion: str, index: int, config: MonitorConfig) -> dict[str, Any]:
    known = matured(store.ledger().entries, index, config.label_delay)
    request = RenewalRequest(
        trigger=trigger,
        champion=champion,
        matured=tuple(entry.batch for entry in known),
        current=index,
        delay=config.label_delay,
        judges=config.retrain.judges,
        search=config.retrain.search,
    )
    renewal = renew(request, load(TrainConfig, "train"))
    served = _serve(renewal.version) if renewal.result == "promoted" else None
    return {**renewal.as_dict(), "served": served}


def _served() -> str | None:
    """Return the version that is served now, as far as it is known; monitoring goes on where an endpoint is down."""
    from adapters.seldon_endpoint import endpoint_of_stack

    try:
        endpoint = endpoint_of_stack(load(DeployConfig, "deploy").endpoint).find()
    except HealthPredictError:
        return None
    return endpoint.model_version if endpoint else None


def _serve(version: str) -> str | None:
    """Serve the new champion and return what is served; a stack without a model deployer serves nothing."""
    from zenml.client import Client

    if Client().active_stack.model_deployer is None:
        click.echo("  the stack has no model deployer: the new champion is not served")
        return None
    if _served() == version:
        return version
    from driver.deploy import run_deployment

    rollout = run_deployment(load(DeployConfig, "deploy"), version)
    if rollout["status"] != "deployed":
        raise InfrastructureError(f"{rollout['reason']}; run the same command again")
    return str(rollout["serving"])
