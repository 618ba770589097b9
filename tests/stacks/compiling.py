"""The pipelines compiled for a stack that is out of reach, and the files that the stack `aws` finds on its machine."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from configs.deploy import DeployConfig
from configs.loading import load
from configs.monitor import MonitorConfig
from configs.train import TrainConfig

if TYPE_CHECKING:
    from zenml.models import PipelineSnapshotBase

# what `make aws-env` writes of Terraform's outputs
AWS_VARIABLES = {
    "HEALTH_PREDICT_REGION": "eu-central-1",
    "HEALTH_PREDICT_BUCKET": "health-predict-test-123456789012-eu-central-1",
    "HEALTH_PREDICT_REGISTRY": "123456789012.dkr.ecr.eu-central-1.amazonaws.com/health-predict",
    "HEALTH_PREDICT_REGISTRY_HOST": "123456789012.dkr.ecr.eu-central-1.amazonaws.com",
    "HEALTH_PREDICT_PROJECT_TAG": "health-predict",
}
_SECRETS = {"AIRFLOW_ADMIN_PASSWORD": "of-airflow-0123456789", "MLFLOW_ADMIN_PASSWORD": "of-mlflow-0123456789"}


def write_aws_files(state: Path) -> None:
    """Write the two files that stacks/aws.yaml refers to, with invented values."""
    (state / "services").mkdir(parents=True, exist_ok=True)
    _write(state / "aws.env", AWS_VARIABLES)
    _write(state / "services" / "secrets.env", _SECRETS)


def _write(file: Path, values: dict[str, str]) -> None:
    file.touch(mode=0o600)
    file.write_text("".join(f"{key}={value}\n" for key, value in values.items()))


def compiled(stack_name: str) -> "dict[str, PipelineSnapshotBase]":
    """Compile train, deploy and monitor for a stack that has been applied to the active store; nothing is run."""
    from zenml.client import Client
    from zenml.config.compiler import Compiler
    from zenml.config.pipeline_run_configuration import PipelineRunConfiguration
    from zenml.stack import Stack

    stack = Stack.from_model(Client().get_stack(stack_name, allow_name_prefix_match=False))
    snapshots = {}
    for pipeline, arguments in _pipelines():
        pipeline.prepare(**arguments)
        snapshots[pipeline.name] = Compiler().compile(pipeline, stack, PipelineRunConfiguration())
    return snapshots


def graph(snapshot: "PipelineSnapshotBase") -> dict[str, list[str]]:
    """The steps before each step."""
    return {name: sorted(step.spec.upstream_steps) for name, step in snapshot.step_configurations.items()}


def _pipelines() -> list[tuple[Any, dict[str, Any]]]:
    from pipelines.deployment import deployment_pipeline
    from pipelines.monitoring import monitoring_pipeline
    from pipelines.training import training_pipeline

    return [
        (training_pipeline, {"config": load(TrainConfig, "train", "quick"), "uri": "s3://b/k.csv", "sha256": "0" * 64}),
        (deployment_pipeline, {"config": load(DeployConfig, "deploy")}),
        (monitoring_pipeline, {"config": load(MonitorConfig, "monitor")}),
    ]
