"""The routes beside Seldon's: for callers that reach the container itself, for probes and for Prometheus."""

from collections.abc import Callable
from functools import partial
from typing import Any

from flask import Blueprint, Response, current_app, request

from health_predict.record_schema import POSITIONAL, read_record
from serving import addresses, predictions, refusals
from serving.metrics import CONTENT_TYPE, Metrics
from serving.openapi import document
from serving.releases import Releases
from serving.seldon_protocol import PAYLOADS

SELDON_VIEW = "Predict"  # of seldon-core's application


def build_routes(releases: Releases, metrics: Metrics) -> Blueprint:
    """Return the blueprint of /predict, /health, /model-info, /metrics and /openapi.json."""
    routes = Blueprint("health_predict", __name__)
    described = document()
    views: dict[str, Callable[[], Any]] = {
        addresses.PREDICT: partial(_predict, releases, metrics),
        addresses.HEALTH: partial(_health, releases),
        addresses.MODEL_INFO: partial(_model_info, releases),
        addresses.METRICS: lambda: Response(metrics.exposition(releases), content_type=CONTENT_TYPE),
        addresses.OPENAPI: lambda: described,
    }
    for address, view in views.items():
        method = "POST" if address in addresses.POSTED else "GET"
        routes.add_url_rule(address, endpoint=address.strip("/").replace(".", "-"), view_func=view, methods=[method])
    return routes


def _predict(releases: Releases, metrics: Metrics) -> Any:  # noqa: ANN401 - a body of ours, or Seldon's response
    raw = request.get_json()
    if isinstance(raw, dict) and raw.keys() & PAYLOADS:
        # in a pod, Seldon's orchestrator posts what it gets at /api/v1.0/predictions to /predict of the model
        return current_app.view_functions[SELDON_VIEW]()
    served = predictions.require(releases.served, releases.refused)
    single = not isinstance(raw, list)
    records = predictions.read_all([raw] if single else raw, read_record)
    answers = predictions.predict(served, records, explain=_explain())
    metrics.observe_scores(item["probability_score"] for item in answers)
    return predictions.answer(served, answers, single=single)


def _explain() -> bool:
    wanted = request.args.getlist("explain")
    if wanted not in ([], ["true"], ["false"]):
        raise refusals.invalid("the query parameter explain must be true or false, once")
    return wanted == ["true"]


def _health(releases: Releases) -> tuple[dict[str, Any], int]:
    served, refused = releases.served, releases.refused
    more = {"refused": {"release": refused.release, "reason": refused.reason}} if refused else {}
    if served is None:
        reason = refused.reason if refused else "the model is being loaded"
        return {"status": "not ready", "reason": reason, **more}, 503
    return {"status": "ready", **predictions.version_of(served), **more}, 200


def _model_info(releases: Releases) -> dict[str, Any]:
    served = predictions.require(releases.served, releases.refused)
    manifest = served.scorer.manifest
    names = ("target", "threshold", "family", "size", "data_sha256", "provenance", "rows", "created_at", "versions")
    return {
        "model_name": served.release.model_name,
        **predictions.version_of(served),
        **{name: manifest[name] for name in names},
        "columns": list(POSITIONAL),
    }
