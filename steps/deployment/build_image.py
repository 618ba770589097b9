"""Builds the server's image where the stack has a container registry."""

import logging
import tempfile
from pathlib import Path
from typing import Annotated, Any

from zenml import step

from adapters.release_fetching import fetch_release
from adapters.serving_image import build_and_push
from configs.deploy import ImageSettings
from health_predict.release import Release

LOG = logging.getLogger("health_predict.steps")


@step(enable_cache=False, experiment_tracker=True)
def build_image(release: dict[str, Any], settings: ImageSettings) -> Annotated[str, "image"]:
    """Return the reference of the pushed image; empty on a stack without a container registry."""
    with tempfile.TemporaryDirectory() as folder:
        release_folder = fetch_release(Release(**release), Path(folder))
        image = build_and_push(release_folder, settings.repository, settings.base_image)
    LOG.info("image: %s", image or "none, the stack has no container registry")
    return image or ""
