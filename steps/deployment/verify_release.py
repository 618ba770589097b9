"""Proves that the endpoint serves the release, or goes back to the one before."""

import logging
import tempfile
from pathlib import Path
from typing import Annotated, Any

from zenml import step

from adapters.release_fetching import fetch_release, read_golden
from adapters.seldon_endpoint import endpoint_of_stack
from adapters.seldon_verification import verify
from configs.deploy import EndpointSettings, VerificationSettings
from health_predict.release import Release
from health_predict.rollout import Deployed, Endpoint, conclude

LOG = logging.getLogger("health_predict.steps")


@step(enable_cache=False, experiment_tracker=True)
def verify_release(
    release: dict[str, Any], deployed: dict[str, Any], endpoint: EndpointSettings, settings: VerificationSettings
) -> Annotated[dict[str, Any], "rollout"]:
    """Ask through Seldon's route alone; a version that does not prove itself is replaced by the previous one."""
    wanted = Release(**release)
    done = Deployed(**{**deployed, "endpoint": Endpoint(**deployed["endpoint"])})
    with tempfile.TemporaryDirectory() as folder:
        golden = read_golden(fetch_release(wanted, Path(folder)))
    verification = verify(done.endpoint.url, wanted, golden, requests_=settings.requests, timeout=settings.timeout)
    now = done.endpoint if verification.passed else endpoint_of_stack(endpoint).restore(done, endpoint.timeout)
    rollout = conclude(wanted, verification, now)
    LOG.info("%s: %s", rollout.status, rollout.reason)
    return rollout.as_dict()
