"""Hyper-parameter search by Ray Tune with ASHA. Importing this module does not import ray; `search` does.

Every growth of a model (boosting round, 25 trees, Newton step) is one report that ASHA and the history see. A worker
sends the reports of a tenth of a second together, which costs the driver 0.5 instead of 2 ms for each of the thousands
that boosting makes (a round takes 6 ms). ASHA still decides on each of them, and what a worker grew meanwhile beyond a
stop is thrown away.
"""

import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from adapters.ray_session import session
from health_predict.errors import InfrastructureError, InputError
from health_predict.families import SPACES, Configuration, Family
from health_predict.trials import Metric, SearchData, TrialResult

LOST_WORKER = "the worker was lost (out of memory, or killed)"


@dataclass(frozen=True)
class Progress:
    """How far the search is: trials done, running and in all, and the best score so far by family."""

    done: int
    running: int
    total: int
    best: Mapping[Family, float]


@dataclass(frozen=True)
class SearchSettings:
    """How to search.

    Attributes:
        storage_path: where Ray keeps its trial folders meanwhile; on a cluster of several machines a URI that all
            of them reach, such as s3://bucket/folder. The search's own folder in it is removed at the end.
        max_reports: by family, in growths (rounds, 25 trees, epochs).
        grace: by family, growths that every trial gets before ASHA may stop it.
        reduction_factor: ASHA lets the best 1/reduction_factor pass each rung.
        cpus: for all trials together; cpus_per_trial: threads of one model.
        ray_address: None starts Ray on this machine and stops it again; "auto", "host:port" or "ray://host:port"
            is a running cluster, which gets the packages health_predict and adapters sent.
        object_store_mb: shared memory of Ray's own start; several times the size of the data, at least 80.
        start_attempts: how often Ray may try to start.
        progress: called in this process as scores improve and trials end; not with "ray://", where the search
            is driven on the cluster.
    """

    storage_path: Path | str
    metric: Metric
    max_reports: Mapping[Family, int]
    grace: Mapping[Family, int]
    reduction_factor: float
    cpus: int
    cpus_per_trial: int = 1
    ray_address: str | None = None
    object_store_mb: int = 256
    start_attempts: int = 3
    progress: Callable[[Progress], None] | None = None


def search(
    configurations: tuple[Configuration, ...], data: SearchData, settings: SearchSettings
) -> tuple[TrialResult, ...]:
    """Train all configurations, stop the poor ones early, and say what became of each, in the order given.

    A trial's scores depend on its configuration and the data alone. Where ASHA stops it depends also on the trials
    that ended before, hence, with several workers, on their speed.

    Raises:
        InputError: a setting is out of range, or all trials failed in the model; the first reason is named.
        InfrastructureError: Ray cannot be started or reached, or every worker was lost.
    """
    _check(configurations, settings)
    with session(
        settings.ray_address,
        cpus=settings.cpus,
        object_store_mb=settings.object_store_mb,
        start_attempts=settings.start_attempts,
    ):
        results = _tune(configurations, data, replace(settings, storage_path=_storage(settings)))
    refuse_all_failed(results)
    return results


def _check(configurations: Sequence[Configuration], settings: SearchSettings) -> None:
    if not configurations:
        raise InputError("search.trials: at least one trial is needed")
    if not 1 <= settings.cpus_per_trial <= settings.cpus:
        raise InputError(
            f"search.cpus_per_trial is {settings.cpus_per_trial}; give 1 to search.cpus, which is {settings.cpus}"
        )
    for family in {configuration.family for configuration in configurations}:
        space, wanted = SPACES[family], settings.max_reports.get(family, 0)
        most = space.maximum_size // space.growth
        if not 1 <= wanted <= most:
            raise InputError(f"search.max_reports.{family} is {wanted}; give 1 to {most}")
        if settings.grace.get(family, 0) < 1:
            raise InputError(f"search.grace.{family} is {settings.grace.get(family, 0)}; give 1 or more")
    if settings.reduction_factor <= 1:
        raise InputError(f"search.reduction_factor is {settings.reduction_factor}; give more than 1")


def _tune(
    configurations: tuple[Configuration, ...], data: SearchData, settings: SearchSettings
) -> tuple[TrialResult, ...]:
    from adapters.ray_trials import tune_all

    name = f"search-{uuid.uuid4().hex[:12]}"
    try:
        if not _is_client(settings):
            return tune_all(configurations, data, settings, name)
        # Tune has to be driven from inside the cluster: over a client connection its callbacks stay there
        import ray

        remote = ray.remote(num_cpus=0)(tune_all)
        return ray.get(remote.remote(configurations, data, replace(settings, progress=None), name))
    finally:
        _remove_storage(f"{settings.storage_path}/{name}")


def _is_client(settings: SearchSettings) -> bool:
    return settings.ray_address is not None and settings.ray_address.startswith("ray://")


def _storage(settings: SearchSettings) -> str:
    given = settings.storage_path
    return str(given) if "://" in str(given) else str(Path(given).resolve())


def _remove_storage(folder: str) -> None:
    from pyarrow import fs

    with suppress(OSError):  # leftovers take space and do no other harm
        filesystem, path = fs.FileSystem.from_uri(folder)
        filesystem.delete_dir(path)


def refuse_all_failed(results: Sequence[TrialResult]) -> None:
    """Raise the one-line error that tells why no trial of a search came to anything; one good trial is enough."""
    reasons = [result.failure for result in results if result.stop_reason == "failed"]
    if len(reasons) < len(results):
        return
    if set(reasons) == {LOST_WORKER}:
        raise InfrastructureError(
            f"all {len(results)} trials of the search lost their worker; free memory or lower search.cpus"
        )
    raise InputError(f"all {len(results)} trials of the search failed; the first: {reasons[0]}")
