"""What is known of an endpoint, and what came of putting a version behind it."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

from health_predict.release import Release

State = Literal["running", "starting", "stopped", "failed"]


@dataclass(frozen=True)
class Endpoint:
    """Where a version can be reached.

    Attributes:
        name: of the service or SeldonDeployment.
        url: of Seldon's prediction route.
        reason: why it is in this state, for a person.
        model_version: what the platform serves, None if it does not say.
    """

    name: str
    url: str
    state: State
    reason: str
    model_version: str | None


@dataclass(frozen=True)
class Deployed:
    """An endpoint that was just updated, with what is needed to go back.

    Attributes:
        previous: the version that served before.
        restore_point: what the deployer needs to restore it, in a form of its own.
    """

    endpoint: Endpoint
    previous: str | None
    restore_point: str | None


@dataclass(frozen=True)
class Verification:
    """Whether an endpoint serves what was promoted, asked through Seldon's route alone.

    Attributes:
        latencies_ms: median and 95th percentile over `requests` single records, client side.
    """

    passed: bool
    reason: str
    requests: int = 0
    median_ms: float = 0.0
    p95_ms: float = 0.0


@dataclass(frozen=True)
class Rollout:
    """What came of a deployment: `deployed`, or `restored` when the new version did not prove itself."""

    status: Literal["deployed", "restored"]
    reason: str
    model_version: str
    run_id: str
    serving: str | None
    url: str
    verification: Verification

    def as_dict(self) -> dict[str, Any]:
        """Lay it out as plain data, for artifacts and MLflow."""
        return asdict(self)


def conclude(release: Release, verification: Verification, now: Endpoint | None) -> Rollout:
    """Sum up a deployment.

    Args:
        now: the endpoint after the verification, and after going back where that did not pass; None if there is none.
    """
    serving: str | None = release.model_version
    reason = verification.reason
    if not verification.passed:
        serving = now.model_version if now else None
        rest = f"version {serving} serves on" if serving else "nothing is served"
        reason = f"version {release.model_version} did not prove itself: {verification.reason}; {rest}"
    return Rollout(
        status="deployed" if verification.passed else "restored",
        reason=reason,
        model_version=release.model_version,
        run_id=release.run_id,
        serving=serving,
        url=now.url if now else "",
        verification=verification,
    )
