"""The flavor `airflow_steps`, as stack files name it."""

from zenml.orchestrators import BaseOrchestrator, BaseOrchestratorConfig, BaseOrchestratorFlavor

from stacks.components.airflow_steps.configuration import AirflowStepsConfig
from stacks.components.airflow_steps.orchestrator import AirflowStepsOrchestrator


class AirflowStepsFlavor(BaseOrchestratorFlavor):
    """Airflow, one task a step."""

    @property
    def name(self) -> str:
        """The flavor's name."""
        return "airflow_steps"

    @property
    def config_class(self) -> type[BaseOrchestratorConfig]:
        """What a stack file may set."""
        return AirflowStepsConfig

    @property
    def implementation_class(self) -> type[BaseOrchestrator]:
        """The orchestrator."""
        return AirflowStepsOrchestrator
