"""The model class that seldon-core calls."""

from typing import Any

from health_predict.record_schema import POSITIONAL
from serving import predictions
from serving.metrics import Metrics
from serving.refusals import RefusedError
from serving.releases import Releases
from serving.seldon_protocol import OUTPUTS, answer_message, read_message


class HealthPredictModel:
    """Answers SeldonMessages from the release that serves at the moment."""

    def __init__(self, releases: Releases, metrics: Metrics) -> None:
        self._releases = releases
        self._metrics = metrics

    def predict_raw(self, message: object) -> dict[str, Any]:
        """Answer a decoded message; seldon-core takes the HTTP code of a refusal from its body."""
        try:
            served = predictions.require(self._releases.served, self._releases.refused)
            answered, probabilities = answer_message(served, read_message(message))
        except RefusedError as error:
            return error.refusal.body()
        self._metrics.observe_scores(probabilities)
        return answered

    def health_status_raw(self) -> dict[str, Any]:
        """Answer Seldon's question for the health of the graph; refuses with 503 while no model is proven."""
        served = predictions.require(self._releases.served, self._releases.refused)
        return {"status": "ready", **predictions.version_of(served)}

    def init_metadata(self) -> dict[str, Any]:
        """Describe inputs and outputs; seldon-core asks once, before a release is loaded."""
        inputs = {"messagetype": "ndarray", "schema": {"names": list(POSITIONAL), "shape": [len(POSITIONAL)]}}
        outputs = {"messagetype": "ndarray", "schema": {"names": list(OUTPUTS), "shape": [len(OUTPUTS)]}}
        return {"name": "HealthPredict", "platform": "seldon-core", "inputs": [inputs], "outputs": [outputs]}


class NoSharedMetrics:
    """Takes the place of seldon_core's SeldonMetrics, which no code here feeds.

    That one keeps its numbers in a process of its own: 30 MB, and two round trips for every request.
    """

    def update(self, custom_metrics: list[dict[str, Any]], method: str) -> None:
        """Take a request's custom metrics; the model class reports none."""
