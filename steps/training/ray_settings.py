"""Translates the search block of the configuration for the Ray adapter."""

import os
from collections.abc import Callable
from pathlib import Path

from adapters.ray_search import Progress, SearchSettings
from configs.train import SearchSettings as Configured
from health_predict.families import SPACES
from health_predict.trials import Metric
from stacks.environment import ray_results_folder
from steps.progress import Report


def ray_settings(settings: Configured, metric: Metric, report: Report) -> SearchSettings:
    """Fill in this machine's cores and the state folder where the configuration says null."""
    path = settings.storage_path
    return SearchSettings(
        storage_path=path if path and "://" in path else Path(path) if path else ray_results_folder(),
        metric=metric,
        max_reports={family: max(1, size // SPACES[family].growth) for family, size in settings.max_size.items()},
        grace=dict(settings.grace),
        reduction_factor=settings.reduction,
        cpus=settings.cpus or os.cpu_count() or 1,
        cpus_per_trial=settings.cpus_per_trial,
        ray_address=settings.ray_address,
        object_store_mb=settings.object_store_mb,
        progress=_telling(report),
    )


def _telling(report: Report) -> Callable[[Progress], None]:
    def tell(progress: Progress) -> None:
        best = ", ".join(f"{family} {score:.4f}" for family, score in progress.best.items())
        report(progress.done, progress.total, f"best so far: {best}" if best else "")

    return tell
