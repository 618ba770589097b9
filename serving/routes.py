"""The routes beside Seldon's: for callers that reach the container itself, for probes and for Prometheus."""

from typing import Any

from flask import Blueprint, Response, current_app, jsonify, request

from health_predict.record_schema import POSITIONAL, read_record
from serving import addresses, predictions, refusals
from serving.metrics import CONTENT_TYPE, Metrics
from serving.openapi import document
from serving.releases import Releases, Served
from serving.seldon_protocol import PAYLOADS

SELDON_VIEW = "Predict"  # of seldon-core's application


def build_routes(releases: Releases, metrics: Metrics) -> Blueprint:
    """Return the blueprint of /predict, /health, /model-info, /metrics and /openapi.json."""
    routes = Blueprint("health_predict", __name__)
    described = document()

    @routes.post(addresses.PREDICT)
    def predict() -> Any:  # noqa: ANN401 - a body of ours, or the response of Seldon's view
        raw = request.get_json()
        if isinstance(raw, dict) and raw.keys() & PAYLOADS:
            # in a pod, Seldon's orchestrator posts what it gets at /api/v1.0/predictions to /predict of the model
            seldon: Any = current_app.view_functions[SELDON_VIEW]
            return seldon()
        served = predictions.require(releases.served, releases.refused)
        single = not isinstance(raw, list)
        records = predictions.read_all([raw] if single else raw, read_record)
        answers = predictions.predict(served, records, explain=_explain())
        metrics.observe_scores(item["probability_score"] for item in answers)
        return predictions.answer(served, answers, single=single)

    @routes.get(addresses.HEALTH)
    def health() -> tuple[dict[str, Any], int]:
        return _health(releases)

    @routes.get(addresses.MODEL_INFO)
    def model_info() -> dict[str, Any]:
        return _model_info(predictions.require(releases.served, releases.refused))

    @routes.get(addresses.METRICS)
    def prometheus() -> Response:
        return Response(metrics.exposition(releases), content_type=CONTENT_TYPE)

    @routes.get(addresses.OPENAPI)
    def openapi() -> Response:
        return jsonify(described)

    return routes


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


def _model_info(served: Served) -> dict[str, Any]:
    manifest = served.scorer.manifest
    names = ("target", "threshold", "family", "size", "data_sha256", "provenance", "rows", "created_at", "versions")
    return {
        "model_name": served.release.model_name,
        **predictions.version_of(served),
        **{name: manifest[name] for name in names},
        "columns": list(POSITIONAL),
    }
