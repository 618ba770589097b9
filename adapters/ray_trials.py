"""The trials of a search inside Ray Tune: what runs in a worker, when a trial is stopped, what is kept of it.

Imported by `adapters.ray_search.search` and by Ray's workers, which need no more than health_predict, ray,
scikit-learn and xgboost.
"""
# ruff: noqa: ANN401, ARG002, D102 - the methods and their arguments are Ray's

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from ray import tune
from ray.tune.experiment import Trial as RayTrial
from ray.tune.schedulers import ASHAScheduler, FIFOScheduler

from adapters.ray_search import LOST_WORKER, Progress, SearchSettings
from adapters.ray_session import one_line
from health_predict.families import Configuration, Family
from health_predict.trials import SearchData, StopReason, Trial, TrialResult, conclude

_SECONDS_PER_MESSAGE = 0.1


@dataclass(frozen=True)
class Work:
    """What every worker needs; it is put into Ray's object store once."""

    configurations: tuple[Configuration, ...]
    data: SearchData
    settings: SearchSettings


class GrowingTrial(tune.Trainable):
    """One worker's trial; the worker is kept for the next trial, which saves its imports."""

    def setup(self, config: dict[str, Any], work: Work) -> None:
        """Take the work, and the first trial."""
        self._work = work
        self.reset_config(config)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Take the next trial."""
        self._configuration = self._work.configurations[new_config["trial"]]
        self._trial: Trial | None = None
        self._best = float("-inf")
        return True

    def step(self) -> dict[str, Any]:
        """Grow once; a model that raises ends its own trial and not the search."""
        try:
            if self._trial is None:
                self._trial = self._start()
            score = self._trial.report()
        except Exception as error:
            return {"failure": one_line(error), "done": True}
        self._best = max(self._best, score)
        return {"score": score, "best": self._best}

    def train_buffered(self, buffer_time_s: float, max_buffer_length: int = 1000) -> list[dict[str, Any]]:
        """Send the reports of a tenth of a second together, each as it is.

        The arguments are not used: Ray 2.60 passes them in the wrong order.
        """
        return super().train_buffered(_SECONDS_PER_MESSAGE, max_buffer_length=1000)

    def _start(self) -> Trial:
        settings = self._work.settings
        return Trial(self._configuration, self._work.data, settings.metric, threads=settings.cpus_per_trial)


class Schedule(FIFOScheduler):
    """ASHA within each family, since an early boosting round and a late epoch cannot be compared; keeps every report.

    Tune itself keeps only a trial's last report. A `tune.Callback` could keep them too, but Tune imports mlflow as
    soon as it is given one.
    """

    def __init__(self, configurations: Sequence[Configuration], settings: SearchSettings) -> None:
        super().__init__()
        self._configurations, self._settings = configurations, settings
        self._ashas = {family: _asha(family, settings) for family in {c.family for c in configurations}}
        self._scores: list[list[float]] = [[] for _ in configurations]
        self._seconds = [0.0] * len(configurations)
        self._failures: dict[int, str] = {}
        self._completed: set[int] = set()
        self._best: dict[Family, float] = {}

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the call-back, which Tune must not try to save with its state."""
        return {**self.__dict__, "_settings": replace(self._settings, progress=None)}

    def _asha(self, trial: RayTrial) -> ASHAScheduler:
        return self._ashas[self._configurations[_index(trial)].family]

    def on_trial_add(self, tune_controller: Any, trial: RayTrial) -> None:
        self._asha(trial).on_trial_add(tune_controller, trial)

    def on_trial_result(self, tune_controller: Any, trial: RayTrial, result: dict[str, Any]) -> str:
        index = _index(trial)
        self._scores[index].append(result["score"])
        self._seconds[index] += result["time_this_iter_s"]
        family = self._configurations[index].family
        if result["score"] > self._best.get(family, float("-inf")):
            self._best[family] = result["score"]
            self._tell(tune_controller)
        return self._asha(trial).on_trial_result(tune_controller, trial, result)

    def on_trial_complete(self, tune_controller: Any, trial: RayTrial, result: dict[str, Any]) -> None:
        if "failure" in result:
            self._failures[_index(trial)] = result["failure"]
        self._asha(trial).on_trial_complete(tune_controller, trial, result)
        self._completed.add(_index(trial))
        self._tell(tune_controller)

    def on_trial_error(self, tune_controller: Any, trial: RayTrial) -> None:
        self._failures[_index(trial)] = LOST_WORKER
        self._completed.add(_index(trial))
        self._tell(tune_controller)

    def _tell(self, tune_controller: Any) -> None:
        if self._settings.progress is not None:
            running = sum(trial.status == RayTrial.RUNNING for trial in tune_controller.get_live_trials())
            done, total = len(self._completed), len(self._configurations)
            self._settings.progress(Progress(done, running, total, dict(self._best)))

    def results(self) -> tuple[TrialResult, ...]:
        """Sum up all trials, in the order of the configurations."""
        return tuple(self._conclude(index) for index in range(len(self._configurations)))

    def _conclude(self, index: int) -> TrialResult:
        configuration, scores = self._configurations[index], self._scores[index]
        reason: StopReason = "failed"
        if index in self._completed and index not in self._failures:
            full = len(scores) >= self._settings.max_reports[configuration.family]
            reason = "finished" if full else "stopped by ASHA"
        failure = "" if reason != "failed" else self._failures.get(index, LOST_WORKER)
        return conclude(configuration, scores, reason, seconds=self._seconds[index], failure=failure)


def _index(trial: RayTrial) -> int:
    return int(trial.config["trial"])


def _asha(family: Family, settings: SearchSettings) -> ASHAScheduler:
    reports = settings.max_reports[family]
    return ASHAScheduler(
        metric="best",
        mode="max",
        max_t=reports,
        grace_period=min(settings.grace[family], reports),
        reduction_factor=settings.reduction_factor,
    )


def tune_all(
    configurations: tuple[Configuration, ...], data: SearchData, settings: SearchSettings, name: str
) -> tuple[TrialResult, ...]:
    """Run the trials on the Ray that this process is connected to; see `adapters.ray_search.search`."""
    logging.getLogger("ray.tune").setLevel(logging.CRITICAL)  # lost workers are in the results
    schedule = Schedule(configurations, settings)
    work = Work(configurations, data, replace(settings, progress=None))
    trainable = tune.with_resources(tune.with_parameters(GrowingTrial, work=work), {"cpu": settings.cpus_per_trial})
    tuner = tune.Tuner(
        trainable,
        param_space={"trial": tune.grid_search(list(range(len(configurations))))},
        tune_config=tune.TuneConfig(
            scheduler=schedule,
            max_concurrent_trials=max(1, settings.cpus // settings.cpus_per_trial),
            reuse_actors=True,
            trial_dirname_creator=lambda trial: f"trial-{trial.config['trial']:04d}",
        ),
        run_config=tune.RunConfig(
            name=name,
            storage_path=str(settings.storage_path),
            # a checkpoint at the end, the default, would also switch the buffering of reports off
            checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
            verbose=0,
        ),
    )
    tuner.fit()
    return schedule.results()
