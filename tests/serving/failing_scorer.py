"""Runs in the server's environment: an application whose scorer fails with the record in its message.

Prints the code of each answer, and the answer itself if it quotes the text that is given as argument.
"""

import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from health_predict.features import Value
from health_predict.record_schema import POSITIONAL
from health_predict.records import generate_records
from health_predict.release import Release
from serving.application import build_application
from serving.metrics import Metrics
from serving.releases import Releases, Served


class FailingScorer:
    threshold = 0.5

    def probabilities(self, records: Sequence[dict[str, Value]]) -> None:
        raise ValueError(f"cannot score {canary} {records}")


logging.basicConfig(level=logging.INFO)
canary = sys.argv[1]
releases = Releases(Path("nowhere"))
releases.served = Served(Release("HealthPredict", "1", "run"), FailingScorer())  # type: ignore[arg-type]
client = build_application(releases, Metrics()).test_client()
record = generate_records(1, seed=1)[0]
row = [record[name] for name in POSITIONAL]
for path, body in (
    ("/predict", record),
    ("/api/v1.0/predictions", {"jsonData": record}),
    ("/api/v0.1/predictions", {"data": {"ndarray": [row]}}),
):
    answer = client.post(path, json=body)
    sys.stdout.write(f"{answer.status_code} {answer.text if canary in answer.text else ''}\n")
