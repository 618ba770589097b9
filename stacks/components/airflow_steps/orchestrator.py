"""ZenML's Airflow orchestrator, with a process or a container a step, that sees every run to its end."""

from pathlib import Path
from typing import TYPE_CHECKING, cast

from zenml.config.build_configuration import BuildConfiguration
from zenml.constants import METADATA_ORCHESTRATOR_URL, ORCHESTRATOR_DOCKER_IMAGE_KEY
from zenml.enums import ExecutionStatus
from zenml.integrations.airflow.orchestrators import AirflowOrchestrator
from zenml.metadata.metadata_types import Uri
from zenml.orchestrators import SubmissionResult
from zenml.stack import Stack, StackValidator

from health_predict.errors import InfrastructureError, InputError
from stacks.components.airflow_steps.airflow_api import AirflowApi
from stacks.components.airflow_steps.configuration import AirflowStepsConfig, AirflowStepsSettings
from stacks.components.airflow_steps.dag_file import dag_id_of, write
from stacks.components.airflow_steps.following import Follower
from stacks.components.airflow_steps.observation import Observer
from stacks.components.airflow_steps.preflight import check_airflow
from stacks.components.airflow_steps.reconciliation import Limits
from stacks.components.airflow_steps.submission import compose, image_settings
from stacks.environment import PROJECT

if TYPE_CHECKING:
    from zenml.config.base_settings import BaseSettings
    from zenml.config.step_configurations import Step
    from zenml.models import PipelineRunResponse, PipelineSnapshotBase, PipelineSnapshotResponse

_PATIENCE = 3.0  # seconds for one question; an outage is waited out by whoever follows the run
_STATUS = {"failed": ExecutionStatus.FAILED, "success": ExecutionStatus.COMPLETED, "running": ExecutionStatus.RUNNING}


class AirflowStepsOrchestrator(AirflowOrchestrator):
    """Submits a run as a DAG of its own name, and follows it."""

    @property
    def config(self) -> AirflowStepsConfig:  # type: ignore[override]
        """The component's configuration."""
        return cast(AirflowStepsConfig, self._config)

    @property
    def settings_class(self) -> "type[BaseSettings]":
        """What a pipeline or step may set."""
        return AirflowStepsSettings

    @property
    def api(self) -> AirflowApi:
        """Airflow, with the user of the configuration."""
        return AirflowApi(self.config.url, self.config.username, self.config.password, patience=_PATIENCE)

    @property
    def observer(self) -> Observer:
        """Looks at the runs of this Airflow."""
        limits = Limits(self.config.submit_timeout, self.config.run_timeout, self.config.outage_timeout)
        return Observer(self.api, Path(self.config.dags_folder), limits)

    @property
    def validator(self) -> StackValidator:
        """Checks the stack and Airflow before ZenML writes anything of a run."""
        return _Ready(self, super().validator)

    def get_docker_builds(self, snapshot: "PipelineSnapshotBase") -> list[BuildConfiguration]:  # noqa: ARG002
        """None for processes, else one image for all steps."""
        if self.config.local:
            return []
        settings = image_settings(self.config, PROJECT)
        return [BuildConfiguration(key=ORCHESTRATOR_DOCKER_IMAGE_KEY, settings=settings)]

    def submit_pipeline(
        self,
        snapshot: "PipelineSnapshotResponse",
        stack: Stack,  # noqa: ARG002
        base_environment: dict[str, str],  # noqa: ARG002
        step_environments: dict[str, dict[str, str]],
        placeholder_run: "PipelineRunResponse | None" = None,
    ) -> SubmissionResult:
        """Write the DAG; what is returned waits for its end.

        Raises:
            InputError: the pipeline has a ZenML schedule.
            InfrastructureError: the DAG folder cannot be written.
        """
        if placeholder_run is None:
            raise InputError("schedules belong to Airflow here: see infra/airflow/dags")
        settings = {name: self._settings(step) for name, step in snapshot.step_configurations.items()}
        settings[""] = self._settings(snapshot)
        submission = compose(snapshot, placeholder_run.name, self.config, step_environments, settings)
        try:
            write(submission, Path(self.config.dags_folder))
        except OSError as error:
            folder = self.config.dags_folder
            raise InfrastructureError(f"the DAG folder {folder} cannot be written: {error.strerror}") from error
        follower = Follower(self.observer, placeholder_run.id, submission.dag_id)
        link = Uri(self.api.link(submission.dag_id))
        return SubmissionResult(follower.follow, metadata={METADATA_ORCHESTRATOR_URL: link})

    def _settings(self, of: "PipelineSnapshotResponse | Step") -> AirflowStepsSettings:
        return cast(AirflowStepsSettings, self.get_settings(of))

    def fetch_status(
        self,
        run: "PipelineRunResponse",
        include_steps: bool = False,  # noqa: ARG002
    ) -> tuple[ExecutionStatus | None, dict[str, ExecutionStatus] | None]:
        """The status of the run as Airflow sees it; that of its steps only ZenML knows."""
        found = self.api.dag_run(dag_id_of(run.name), run.orchestrator_run_id)
        return _STATUS.get(found.state) if found else None, None

    def _stop_run(self, run: "PipelineRunResponse", graceful: bool = False) -> None:  # noqa: ARG002
        """Let Airflow end the tasks; the reconciler tells ZenML when they have."""
        dag_id = dag_id_of(run.name)
        found = self.api.dag_run(dag_id, run.orchestrator_run_id)
        if found and not found.finished:
            self.api.fail_run(dag_id, found.id)


class _Ready(StackValidator):
    """The checks of ZenML's own validator, if there is one, and then those of Airflow."""

    def __init__(self, orchestrator: AirflowStepsOrchestrator, inherited: StackValidator | None) -> None:
        super().__init__()
        self._orchestrator = orchestrator
        self._inherited = inherited

    def validate(self, stack: Stack) -> None:
        if self._inherited:
            self._inherited.validate(stack)
        check_airflow(self._orchestrator.api, Path(self._orchestrator.config.dags_folder))
