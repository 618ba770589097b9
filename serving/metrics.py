"""What Prometheus reads. Of patients it holds the distribution of the scores and nothing else."""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from serving.releases import Releases

CONTENT_TYPE = CONTENT_TYPE_LATEST
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
_SCORES = tuple(i / 20 for i in range(1, 21))


class Metrics:
    """The metrics of one server process, in a registry of its own."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "health_predict_requests", "answered requests", ["route", "code"], registry=self._registry
        )
        self._seconds = Histogram(
            "health_predict_request_seconds", "time to answer", ["route"], buckets=_SECONDS, registry=self._registry
        )
        self._scores = Histogram(
            "health_predict_score", "probabilities answered", buckets=_SCORES, registry=self._registry
        )
        self._refused = Counter(
            "health_predict_releases_refused", "releases offered that did not load", registry=self._registry
        )
        self._model = Gauge(
            "health_predict_model_info", "the version that serves", ["model_version", "run_id"], registry=self._registry
        )

    def observe_request(self, route: str, code: int, seconds: float) -> None:
        """Count an answer; `route` is one of the published addresses or "other"."""
        self._requests.labels(route, str(code)).inc()
        self._seconds.labels(route).observe(seconds)

    def observe_scores(self, probabilities: Iterable[float]) -> None:
        """Count the probabilities of one answer."""
        for probability in probabilities:
            self._scores.observe(probability)

    def count_refused_release(self) -> None:
        """Count a release that was offered and does not serve."""
        self._refused.inc()

    def exposition(self, releases: Releases) -> bytes:
        """Write everything in Prometheus' text format."""
        self._model.clear()
        served = releases.served
        if served is not None:
            self._model.labels(served.release.model_version, served.release.run_id).set(1)
        return generate_latest(self._registry)
