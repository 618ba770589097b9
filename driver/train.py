"""Starts the train pipeline on a stack and shows what came of it."""

import os
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from adapters.data_source import DataSource, locate, open_source
from configs.loading import load
from configs.train import TrainConfig
from driver.provenance import say_if_synthetic
from driver.result_file import claim, write
from driver.stack import use_stack_of
from health_predict.errors import InputError
from health_predict.reading import RawData
from health_predict.splits import split
from health_predict.target import check_learnable
from stacks.environment import cache_folder, state_folder

if TYPE_CHECKING:
    from zenml.models import PipelineRunResponse


@dataclass(frozen=True)
class Options:
    """The command line's words."""

    config: str | None
    stack: str | None
    data: str | None
    target: str | None
    pairs: tuple[str, ...]
    no_cache: bool
    dry_run: bool
    fail_on: tuple[str, ...]
    result: str | None
    verbose: bool


def run(options: Options) -> int:
    """Check everything first, then run; returns the exit code."""
    config = _configuration(options)
    result_file = claim(options.result, dry_run=options.dry_run)
    _check_disk(config.data.minimum_free_mb)
    source = locate(options.data, os.environ, cache_folder())
    use_stack_of(source.uri, options.stack)
    raw = open_source(source.uri)
    splits = split(raw.frame, seed=config.data.seed, protocol=config.data.protocol)
    initial = {"train": splits.train, "validation": splits.validation, "test": splits.test}
    check_learnable(initial, config.target)
    _announce(source, raw, config)
    if options.dry_run:
        click.echo("dry run: everything is in order, nothing was changed")
        return 0
    run = _run(options, config, source, raw)
    from driver.train_result import result_of, show_result

    result = result_of(run)
    show_result(result, raw.provenance)
    write(result_file, result.summary())
    return 3 if not result.promoted and "refused" in options.fail_on else 0


def _configuration(options: Options) -> TrainConfig:
    pairs = (*options.pairs, f"target={options.target}") if options.target else options.pairs
    return load(TrainConfig, "train", options.config, pairs)


def _check_disk(minimum_mb: int) -> None:
    folder = state_folder()
    existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
    free = shutil.disk_usage(existing).free // 1_000_000
    if free < minimum_mb:
        raise InputError(
            f"{folder}: {free:,} MB free, {minimum_mb:,} MB needed; free some, or set HEALTH_PREDICT_STATE elsewhere"
        )


def _announce(source: DataSource, raw: RawData, config: TrainConfig) -> None:
    click.echo(f"data: {raw.source} ({raw.provenance}, from {source.how}), {len(raw.frame):,} encounters")
    say_if_synthetic(raw.provenance)
    trials = f"{config.search.trials} trials over {', '.join(config.search.families)}"
    click.echo(f"train: target {config.target}, {trials}, seed {config.seed}")


def _run(options: Options, config: TrainConfig, source: DataSource, raw: RawData) -> "PipelineRunResponse":
    from driver.console import quiet_libraries
    from driver.runs import run_to_end
    from driver.stack import use_stack
    from pipelines.training import training_pipeline

    if not options.verbose:
        quiet_libraries()
    click.echo(f"stack: {use_stack(options.stack)}")
    return run_to_end(training_pipeline, no_cache=options.no_cache, config=config, uri=source.uri, sha256=raw.sha256)
