"""Follows a submitted run to its end, in the process that submitted it."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import UUID

from zenml.models import PipelineRunResponse, StepRunResponse

from health_predict.errors import HealthPredictError, InfrastructureError
from stacks.components.airflow_steps.observation import Observer
from stacks.components.airflow_steps.publishing import publish

log = logging.getLogger("health_predict.airflow")
_SOONEST, _LATEST = 2.0, 5.0  # seconds between two looks: the longer nothing is new, the longer


@dataclass
class Follower:
    """Tells the progress of one run, and ends it where Airflow cannot."""

    observer: Observer
    run_id: UUID
    dag_id: str
    sleep: Callable[[float], None] = time.sleep
    _told: dict[str, str] = field(default_factory=dict)
    _trouble: str = ""

    def follow(self) -> None:
        """Return when the run is completed.

        Raises:
            InfrastructureError: Airflow cannot go on with it; the run is failed in ZenML, too.
            HealthPredictError: a step failed.
            KeyboardInterrupt: the run goes on without us, which its text says.
        """
        link = self.observer.api.link(self.dag_id)
        log.info("Airflow: %s", link)
        log.info("ZenML: run %s (%s)", self.dag_id, self.run_id)
        try:
            run = self._until_finished()
        except KeyboardInterrupt:
            stop = f"zenml pipeline runs stop {self.run_id}"
            raise KeyboardInterrupt(f"no longer followed; the run goes on: {link} (to stop it: {stop})") from None
        if not run.status.is_successful:
            raise failure_of(run, link)

    def _until_finished(self) -> PipelineRunResponse:
        pause = _SOONEST
        while True:
            run, decision = self.observer.look(self.run_id)
            news = self._tell(run, "" if decision.final else decision.reason)
            if run.status.is_finished:
                return run
            if decision.final:
                publish(run, decision)
                continue
            pause = _SOONEST if news else min(pause * 1.1, _LATEST)
            self.sleep(pause)

    def _tell(self, run: PipelineRunResponse, trouble: str) -> bool:
        news = False
        for name, step in run.steps.items():
            if self._told.get(name) != step.status.value:
                self._told[name] = step.status.value
                log.info("%s: %s", name, _in_words(step))
                news = True
        if trouble and trouble != self._trouble and not run.status.is_finished:
            log.warning("waiting: %s", trouble)
        self._trouble = trouble
        return news


def failure_of(run: PipelineRunResponse, link: str) -> HealthPredictError:
    """Why a run ended without success, as one line."""
    for name, step in run.steps.items():
        info = step.exception_info
        if step.status.is_failed and info and not (info.source or "").endswith("InfrastructureError"):
            first = (info.message or "").strip().splitlines()[:1]
            said = ": ".join([(info.source or "failure").rpartition(".")[2], *first])
            return HealthPredictError(f"step {name} failed: {said}; its log: {link}")
    reason = run.get_body().status_reason or f"the run is {run.status.value}"
    return InfrastructureError(f"{run.name}: {reason} ({link})")


def _in_words(step: StepRunResponse) -> str:
    if step.status.is_successful and step.start_time and step.end_time and step.status.value == "completed":
        return f"done in {(step.end_time - step.start_time).total_seconds():.0f} s"
    return step.status.value
