"""Writes monitored batches to MLflow: one run a batch, whatever is killed and run again."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from mlflow.entities import Metric, Param, Run, RunStatus, RunTag

from adapters.mlflow_connection import MlflowConnection, NotThereError
from health_predict.errors import InputError
from health_predict.monitoring.ledger import Entry
from health_predict.monitoring.run_record import RunRecord, outcome_tags, run_record

EXPERIMENT = "HealthPredict_Monitoring"
_FINISHED = RunStatus.to_string(RunStatus.FINISHED)


@dataclass(frozen=True)
class MonitoringRuns:
    """The runs of the monitoring experiment at `tracking_uri` (None: where MLflow is configured to look).

    `patience` is how many seconds a failing connection is retried. Every method raises InfrastructureError when MLflow
    cannot be reached.
    """

    tracking_uri: str | None = None
    patience: float = 20.0

    def log_check(self, entry: Entry, checked: Mapping[str, Any], *, false_alarm_rate: float) -> str:
        """Write the check of a scored batch and return the id of its run; a run that is finished stays as it is.

        Raises:
            InputError: the experiment is not there, or an unfinished run of the batch has other parameters.
        """
        index = entry.records["seen"]["index"]
        tags = {"batch_index": f"{index:06d}"}  # sorts as text
        record = run_record(entry, checked, false_alarm_rate=false_alarm_rate)
        return self.log_record(entry.batch, f"{index:03d}-{entry.batch}", tags, record)

    def log_record(self, batch: str, name: str, tags: Mapping[str, str], record: RunRecord) -> str:
        """Write what is known of a batch to the one run that bears its id, and return the id of that run.

        Args:
            name, tags: of a run that is made now.

        Raises:
            InputError: as for `log_check`.
        """
        run = self._find(batch) or self._create(batch, name, tags)
        if run.info.status != _FINISHED:
            self._write(run, batch, record)
        return str(run.info.run_id)

    def log_outcome(self, run_id: str, entry: Entry) -> None:
        """Add to a run what was decided on its batch and what came of it, as far as it is known; may be repeated.

        Raises:
            InputError: there is no such run.
        """
        tags = [RunTag(name, value) for name, value in outcome_tags(entry).items()]
        try:
            self._mlflow.ask(self._mlflow.client.log_batch, run_id, tags=tags)
        except NotThereError:
            raise InputError(f"MLflow has no run {run_id} of batch {entry.batch}; was it deleted?") from None

    @cached_property
    def _mlflow(self) -> MlflowConnection:
        return MlflowConnection(self.tracking_uri, self.patience)

    @cached_property
    def _experiment(self) -> str:
        found = self._mlflow.ask(self._mlflow.client.get_experiment_by_name, EXPERIMENT)
        if found is not None and found.lifecycle_stage == "active":
            return str(found.experiment_id)
        if self._mlflow.shown.startswith("sqlite"):  # created here, it would keep artifacts in the working directory
            raise InputError(f"MLflow has no experiment {EXPERIMENT}; run `python -m stacks.apply local --activate`")
        if found is not None:
            self._mlflow.ask(self._mlflow.client.restore_experiment, found.experiment_id)
            return str(found.experiment_id)
        return str(self._mlflow.ask(self._mlflow.client.create_experiment, EXPERIMENT))

    def _find(self, batch: str) -> Run | None:
        """Return the oldest run of a batch; younger ones, of a creation whose answer was lost, are deleted."""
        query, order = f"tags.batch = '{batch}'", ["attributes.start_time ASC"]
        runs = self._mlflow.ask(self._mlflow.client.search_runs, [self._experiment], query, order_by=order)
        for surplus in runs[1:]:
            self._mlflow.ask(self._mlflow.client.delete_run, surplus.info.run_id)
        return runs[0] if runs else None

    def _create(self, batch: str, name: str, tags: Mapping[str, str]) -> Run:
        known = {"batch": batch, **tags}
        created = self._mlflow.ask(self._mlflow.client.create_run, self._experiment, tags=known, run_name=name)
        return self._find(batch) or created

    def _write(self, run: Run, batch: str, record: RunRecord) -> None:
        at = run.info.start_time  # the same when it is written again, so that no metric has two points
        metrics = [Metric(name, value, at, 0) for name, value in record.metrics.items()]
        params = [Param(name, value) for name, value in record.params.items()]
        tags = [RunTag(name, value) for name, value in record.tags.items()]
        try:
            self._mlflow.ask(self._mlflow.client.log_batch, run.info.run_id, metrics, params, tags)
        except NotThereError:
            problem = f"run {run.info.run_id} of batch {batch} holds other values, of a check that was not finished"
            raise InputError(f"MLflow {problem}; delete the run in MLflow and monitor again") from None
        self._mlflow.ask(self._mlflow.client.set_terminated, run.info.run_id)
