"""Deployment: from the champion to a verified endpoint."""

from zenml import pipeline

from configs.deploy import DeployConfig
from steps.deployment.build_image import build_image
from steps.deployment.deploy_release import deploy_release
from steps.deployment.fetch_release import fetch_release
from steps.deployment.record_rollout import record_rollout
from steps.deployment.verify_release import verify_release

EXPERIMENT = "HealthPredict_Deployment"


@pipeline(
    name="health_predict_api_deployment",
    settings={"experiment_tracker": {"experiment_name": EXPERIMENT}},
)
def deployment_pipeline(config: DeployConfig, version: str | None = None) -> None:
    """Fetch the champion, build its image where the stack has a registry, deploy, verify or go back, record."""
    release = fetch_release(version)
    image = build_image(release, settings=config.image)
    deployed = deploy_release(release, image, settings=config.endpoint)
    rollout = verify_release(release, deployed, endpoint=config.endpoint, settings=config.verification)
    record_rollout(rollout)
