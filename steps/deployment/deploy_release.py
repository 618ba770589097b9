"""Puts the release behind the endpoint of the active stack."""

import logging
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

from zenml import step

from adapters.release_fetching import fetch_release
from adapters.seldon_endpoint import endpoint_of_stack
from configs.deploy import EndpointSettings
from health_predict.release import Release

LOG = logging.getLogger("health_predict.steps")


@step(enable_cache=False, experiment_tracker=True)
def deploy_release(
    release: dict[str, Any], image: str, settings: EndpointSettings
) -> Annotated[dict[str, Any], "deployed"]:
    """Update the endpoint in place, or create it; the old version serves on if that fails."""
    wanted = Release(**release)
    with tempfile.TemporaryDirectory() as folder:
        release_folder = fetch_release(wanted, Path(folder))
        deployed = endpoint_of_stack(settings).deploy(release_folder, wanted, image or None, settings.timeout)
    LOG.info("deployed: %s", deployed.endpoint.url)
    return asdict(deployed)
