"""Asks an endpoint through Seldon's prediction route alone whether it serves what was promoted.

Seldon's ingress routes nothing else, so this is the same for a local process and a cluster.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median, quantiles
from typing import Any

import requests

from health_predict.features import Value
from health_predict.release import Release
from health_predict.rollout import Verification
from health_predict.scorer import TOLERANCE

_ANSWER = 10.0  # seconds for one request
_BETWEEN = 0.5


@dataclass(frozen=True)
class SeldonRoute:
    """Seldon's prediction route at `url`, on one kept-alive connection."""

    url: str
    session: requests.Session = field(default_factory=requests.Session)

    def predict(
        self, records: Mapping[str, Value] | Sequence[Mapping[str, Value]], *, explain: bool = False
    ) -> dict[str, Any]:
        """Post one record or a list as jsonData; requests.RequestException or ValueError if there is no answer."""
        message = {"jsonData": records, **({"meta": {"tags": {"explain": True}}} if explain else {})}
        answer = self.session.post(self.url, json=message, timeout=_ANSWER)
        answer.raise_for_status()
        content: dict[str, Any] = answer.json()
        return content


def verify(url: str, release: Release, golden: Mapping[str, Any], *, requests_: int, timeout: float) -> Verification:
    """Ask until every answer comes from `release`, or `timeout` seconds are over.

    Args:
        golden: "records" with the "probabilities" that they must get, to 1e-6.
        requests_: single records that must all come from the release; their times are reported.
    """
    route, end = SeldonRoute(url), time.monotonic() + timeout
    while True:
        result = _attempt(route, release, golden, requests_)
        if result.passed or time.monotonic() > end:
            return result
        time.sleep(_BETWEEN)  # replicas of the old version answer until a rollout is through


def _attempt(route: SeldonRoute, release: Release, golden: Mapping[str, Any], requests_: int) -> Verification:
    try:
        answer = route.predict(golden["records"])
        problem = _wrong_version(answer, release) or _wrong_probabilities(answer, golden["probabilities"])
        if problem:
            return Verification(passed=False, reason=problem)
        times = []
        for number in range(requests_):
            started = time.perf_counter()
            problem = _wrong_version(route.predict(golden["records"][number % len(golden["records"])]), release)
            times.append((time.perf_counter() - started) * 1000)
            if problem:
                return Verification(passed=False, reason=problem)
    except (requests.RequestException, ValueError, KeyError, TypeError) as error:
        return Verification(passed=False, reason=f"no usable answer ({type(error).__name__})")
    reason = f"version {release.model_version} answers {len(golden['records'])} golden records to {TOLERANCE:.0e}"
    return Verification(True, reason, len(times), median(times), quantiles(times, n=20)[-1])


def _wrong_version(answer: Mapping[str, Any], release: Release) -> str | None:
    tags = answer.get("meta", {}).get("tags", {})
    if (tags.get("model_version"), tags.get("run_id")) == (release.model_version, release.run_id):
        return None
    return f"version {tags.get('model_version')} answers instead of version {release.model_version}"


def _wrong_probabilities(answer: Mapping[str, Any], expected: Sequence[float]) -> str | None:
    scored = [entry["probability_score"] for entry in answer["jsonData"]["predictions"]]
    if len(scored) != len(expected):
        return f"{len(scored)} answers to {len(expected)} golden records"
    largest = max(abs(one - other) for one, other in zip(scored, expected, strict=True))
    return None if largest <= TOLERANCE else f"golden records are off by {largest:.1e} (allowed {TOLERANCE:.0e})"
