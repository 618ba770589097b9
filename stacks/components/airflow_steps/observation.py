"""Gathers what Airflow and ZenML say of a run, for `reconciliation.decide`."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from uuid import UUID

from zenml.client import Client
from zenml.models import PipelineRunResponse
from zenml.utils.time_utils import utc_now

from health_predict.errors import InfrastructureError
from stacks.components.airflow_steps.airflow_api import CURE, AirflowApi
from stacks.components.airflow_steps.dag_file import dag_id_of
from stacks.components.airflow_steps.reconciliation import AirflowFacts, Decision, Limits, ZenmlFacts, decide


@dataclass
class Observer:
    """Looks at runs of one Airflow; remembers since when each of them has been in trouble."""

    api: AirflowApi
    dags_folder: Path
    limits: Limits
    clock: Callable[[], float] = time.monotonic
    now: Callable[[], datetime] = utc_now
    _troubled_since: dict[UUID, float] = field(default_factory=dict)

    def look(self, run_id: UUID) -> tuple[PipelineRunResponse, Decision]:
        """The run as it is, and what is to be said of it; Decision.WAIT if it has ended."""
        known = Client().get_pipeline_run(run_id)
        airflow = self._airflow_facts(dag_id_of(known.name), known.orchestrator_run_id)
        run = Client().get_pipeline_run(run_id)  # after Airflow was asked, see `decide`
        age = (self.now() - run.created.replace(tzinfo=None)).total_seconds()
        troubled = self._troubled(run_id, airflow.trouble)
        return run, decide(_zenml_facts(run), airflow, age=age, troubled=troubled, limits=self.limits)

    def _airflow_facts(self, dag_id: str, run_id: str | None) -> AirflowFacts:
        try:
            health = self.api.health()
            dag = self.api.dag(dag_id)
            run = self.api.dag_run(dag_id, run_id) if dag else None
            tasks = self.api.task_states(dag_id, run.id) if run else {}
            import_error = None if run else self.api.import_error(f"{dag_id}.zip")
        except InfrastructureError as error:
            return AirflowFacts(answers=False, trouble=str(error))
        ailing = [f"{part} {said}" for part, said in health.ailing.items() if part != "dag_processor" or run is None]
        cure = CURE if ailing else "let it go on there"
        ailing += ["the DAG is paused"] if dag and dag.paused and not (run and run.finished) else []
        return AirflowFacts(
            answers=True,
            trouble=f"Airflow at {self.api.url}: {', '.join(ailing)}; {cure}" if ailing else "",
            file_there=(self.dags_folder / f"{dag_id}.zip").exists(),
            import_error=import_error,
            dag_there=dag is not None,
            run_state=run.state if run else None,
            tasks=tasks,
        )

    def _troubled(self, run_id: UUID, trouble: str) -> float:
        if not trouble:
            self._troubled_since.pop(run_id, None)
            return 0.0
        return self.clock() - self._troubled_since.setdefault(run_id, self.clock())


def _zenml_facts(run: PipelineRunResponse) -> ZenmlFacts:
    steps = {name: step.status.value for name, step in run.steps.items()}
    return ZenmlFacts(run.status.value, steps, started=run.orchestrator_run_id is not None)
