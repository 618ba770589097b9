"""What of a compiled pipeline goes into its DAG."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zenml.config.global_config import GlobalConfiguration
from zenml.entrypoints.step_entrypoint_configuration import STEP_NAME_OPTION
from zenml.orchestrators import ContainerizedOrchestrator

from stacks.components.airflow_steps.code_digest import code_digest
from stacks.components.airflow_steps.configuration import AirflowStepsConfig, AirflowStepsSettings
from stacks.components.airflow_steps.dag import Submission, Task
from stacks.components.airflow_steps.dag_file import dag_id_of, without_secrets

if TYPE_CHECKING:
    from zenml.models import PipelineSnapshotResponse

# the client has brought the store's schema up to date; a step that looked again would lose a second
_NO_MIGRATION = {"DISABLE_DATABASE_MIGRATION": "true"}


def compose(
    snapshot: "PipelineSnapshotResponse",
    run_name: str,
    config: AirflowStepsConfig,
    environments: Mapping[str, Mapping[str, str]],
    settings: Mapping[str, AirflowStepsSettings],
) -> Submission:
    """Describe the run for Airflow.

    Args:
        snapshot: the compiled pipeline, without the steps that are cached.
        run_name: ZenML's name of the run, which becomes the DAG's.
        config: the component's configuration.
        environments: by step; secrets in them are left out.
        settings: by step, and of the pipeline under "".
    """
    common = {**_NO_MIGRATION, **(_local_stores() if config.local else {})}
    tasks = []
    for name, step in snapshot.step_configurations.items():
        docker = config.operator == "docker"
        tasks.append(
            Task(
                name=name,
                upstream=step.spec.upstream_steps,
                arguments=["--snapshot_id", str(snapshot.id), f"--{STEP_NAME_OPTION}", name],
                environment=without_secrets({**environments[name], **common}),
                operator_args=settings[name].operator_args,
                image=ContainerizedOrchestrator.get_image(snapshot, name) if docker else None,
            )
        )
    return Submission(
        dag_id=dag_id_of(run_name),
        pipeline=snapshot.pipeline_configuration.name,
        snapshot_id=str(snapshot.id),
        submitted_at=datetime.now(UTC),
        operator=config.operator,
        tags=settings[""].dag_tags,
        tasks=tasks,
    )


def _local_stores() -> dict[str, str]:
    """Where a local artifact store without a path of its own lies."""
    return {"ZENML_LOCAL_STORES_PATH": str(Path(GlobalConfiguration().local_stores_path).expanduser())}


def image_settings(config: AirflowStepsConfig, project: Path) -> Any:  # noqa: ANN401 - DockerSettings, imported late
    """The image of the steps: built from the component's Dockerfile, which holds the project; nothing is added."""
    from zenml.config import DockerSettings
    from zenml.config.docker_settings import DockerBuildConfig, DockerBuildOptions

    options = DockerBuildOptions(build_args={"BASE_IMAGE": config.base_image} if config.base_image else {}, rm=True)
    return DockerSettings(
        dockerfile=str(project / (config.dockerfile or "")),
        build_context_root=str(project),
        image_tag=f"steps-{code_digest(project, config.base_image or '')}",
        parent_image_build_config=DockerBuildConfig(build_options=options),
        install_stack_requirements=False,
        install_deployment_requirements=False,
        allow_including_files_in_images=False,
        allow_download_from_artifact_store=False,
        allow_download_from_code_repository=False,
    )
