"""What a stack file may set of the orchestrator."""

from typing import Any, Literal

from pydantic import Field, model_validator
from zenml.config.base_settings import BaseSettings
from zenml.orchestrators import BaseOrchestratorConfig
from zenml.utils.secret_utils import SecretField


class AirflowStepsSettings(BaseSettings):
    """What one pipeline or step may set, too.

    Attributes:
        operator_args: further arguments of Airflow's operator; for docker network_mode, mounts, auto_remove and so on.
        dag_tags: tags of the DAG besides `health_predict`.
    """

    operator_args: dict[str, Any] = Field(default_factory=dict)
    dag_tags: list[str] = Field(default_factory=list)


class AirflowStepsConfig(BaseOrchestratorConfig, AirflowStepsSettings):
    """Where Airflow is and how long it may take.

    Attributes:
        operator: a step runs as a `process` of Airflow's machine or in a `docker` container.
        url: of Airflow's API server.
        dags_folder: the folder that its DAG processor reads.
        submit_timeout: seconds from the submission to the first sign of the run in Airflow.
        run_timeout: seconds a run may take in all.
        outage_timeout: seconds Airflow may not answer, or its scheduler stand still, under a run.
        keep_finished: DAG files of finished runs that are kept, so that Airflow still shows their graph.
        dockerfile: for docker: of the steps' image, below the project.
        base_image: for docker: ARG BASE_IMAGE of that file.
    """

    operator: Literal["process", "docker"] = "process"
    url: str
    username: str
    password: str = SecretField()
    dags_folder: str
    submit_timeout: float = Field(default=120.0, gt=0)
    run_timeout: float = Field(default=6 * 3600.0, gt=0)
    outage_timeout: float = Field(default=300.0, gt=0)
    keep_finished: int = Field(default=20, ge=0)
    dockerfile: str | None = None
    base_image: str | None = None

    @model_validator(mode="after")
    def _image_belongs_to_docker(self) -> "AirflowStepsConfig":
        if self.operator == "process" and (self.dockerfile or self.base_image):
            raise ValueError("dockerfile and base_image belong to `operator: docker`")
        if self.operator == "docker" and not self.dockerfile:
            raise ValueError("`operator: docker` needs a dockerfile")
        return self

    @property
    def local(self) -> bool:
        """Whether the steps share this machine's files."""
        return self.operator == "process"

    @property
    def is_local(self) -> bool:
        """The same, as ZenML asks for it."""
        return self.local
