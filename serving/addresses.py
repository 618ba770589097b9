"""Every address that is offered, and its methods. What is not in this table is answered with 404."""

from collections.abc import Mapping

PREDICT, HEALTH, MODEL_INFO, METRICS, OPENAPI = "/predict", "/health", "/model-info", "/metrics", "/openapi.json"
SELDON = ("/api/v1.0/predictions", "/api/v0.1/predictions")
PING, STATUS, METADATA = "/health/ping", "/health/status", "/metadata"

POSTED: tuple[str, ...] = (PREDICT, *SELDON)
READ: tuple[str, ...] = (HEALTH, MODEL_INFO, METRICS, OPENAPI, PING, STATUS, METADATA)
METHODS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(POSTED, ("POST",)),
    **dict.fromkeys(READ, ("GET", "HEAD")),
}
