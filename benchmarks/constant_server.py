"""The model server with a predict_raw that answers a constant and reads nothing: what the rest of the server costs.

Runs in the server's environment, like `python -m serving`.
"""

import sys

from serving.__main__ import main
from serving.model import HealthPredictModel

_ANSWER = {
    "jsonData": {"prediction": 0, "probability_score": 0.25, "model_version": "1", "run_id": "run"},
    "meta": {"tags": {"model_name": "HealthPredict", "model_version": "1", "run_id": "run"}},
}


def _constant(self: HealthPredictModel, message: object) -> dict[str, object]:  # noqa: ARG001 - what it replaces has them
    return _ANSWER


if __name__ == "__main__":
    HealthPredictModel.predict_raw = _constant  # type: ignore[method-assign]
    sys.exit(main())
