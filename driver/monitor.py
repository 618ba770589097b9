"""Goes through the batches of the future, one pipeline run each, and carries out what each of them asks for."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from configs.loading import load
from configs.monitor import MonitorConfig
from driver.result_file import claim, kept_if_failing, monitoring_result, write
from driver.stack import use_stack
from health_predict.errors import InputError
from stacks.environment import state_folder

if TYPE_CHECKING:
    from adapters.monitoring_store import MonitoringStore
    from health_predict.monitoring.ledger import Entry

PAGE = "monitoring.html"


@dataclass(frozen=True)
class Options:
    """The command line's words."""

    config: str | None
    stack: str | None
    data: str | None
    batches: str
    batch_size: int | None
    label_delay: int | None
    inject: str | None
    force_retrain: bool
    current: str | None
    reference: str | None
    model_uri: str | None
    reports: str | None
    pairs: tuple[str, ...]
    dry_run: bool
    fail_on: tuple[str, ...]
    result: str | None
    verbose: bool


def run(options: Options) -> int:
    """Monitor as many batches as asked for, or until the data ends, or check one file; returns the exit code."""
    config = _configuration(options)
    if options.current or options.reference or options.model_uri or options.reports:
        from driver.monitor_files import check_own_file

        return check_own_file(options, config)
    count = _count(options.batches)
    result_file = claim(options.result, dry_run=options.dry_run)
    if options.inject:
        from health_predict.monitoring.simulate import parse_shift

        click.secho(f"INJECTED SHIFT: {parse_shift(options.inject).meaning}", fg="yellow")
    if not options.verbose:
        from driver.console import quiet_libraries

        quiet_libraries()
    click.echo(f"stack: {use_stack(options.stack)}")
    from driver.monitor_stream import alone

    with alone():
        return _go_through(config, options, count, result_file)


def _go_through(config: MonitorConfig, options: Options, count: int | None, result_file: Path | None) -> int:
    from adapters.monitoring_store import MonitoringStore
    from driver.monitor_stream import begin, has_ended

    store = MonitoringStore.of_stack()
    begin(store, config, options.data, dry_run=options.dry_run)
    if options.dry_run:
        click.echo("dry run: everything is in order, nothing was changed")
        return 0
    entries: list[Entry] = []
    with kept_if_failing(result_file, entries):
        try:
            for entry in itertools.islice(_monitored(store, config, options), count):
                entries.append(entry)  # noqa: PERF402 - one by one, so that a failure leaves those before it
        finally:
            _write_page(store)
    write(result_file, monitoring_result(entries, ended=has_ended(store)))
    drifted = [_drifted(entry) for entry in entries]
    batches = "1 batch" if len(drifted) == 1 else f"{len(drifted)} batches"
    click.echo(f"{batches}, {sum(drifted)} with drift; look: {state_folder() / PAGE} | make dashboard")
    return 4 if any(drifted) and "drift" in options.fail_on else 0


def _configuration(options: Options) -> MonitorConfig:
    given = (("batch_size", options.batch_size), ("label_delay", options.label_delay))
    pairs = (*options.pairs, *(f"{key}={value}" for key, value in given if value is not None))
    return load(MonitorConfig, "monitor", options.config, pairs)


def _count(batches: str) -> int | None:
    if batches == "all":
        return None
    if not batches.isdecimal() or int(batches) < 1:
        raise InputError(f"--batches {batches}: give a whole number from 1 on, or all")
    return int(batches)


def _monitored(store: "MonitoringStore", config: MonitorConfig, options: Options) -> Iterator["Entry"]:
    """Finish one batch after the other; what an earlier, interrupted command left is finished first."""
    from driver.monitor_action import finish
    from driver.monitor_labels import labels_first
    from driver.monitor_line import show_batch
    from driver.monitor_stream import has_ended

    force = options.force_retrain
    while True:
        unfinished = store.ledger().unfinished()
        if unfinished is None and has_ended(store):
            click.echo("the stream has ended: every encounter is in a batch")
            return
        if unfinished is None or unfinished.state != "decided":
            _run(config, options, force_retrain=force, recalibrated=labels_first(store, config))
            force = False
        entry = finish(store, config)
        show_batch(entry)
        yield entry


def _run(config: MonitorConfig, options: Options, **known: bool) -> None:
    from driver.runs import run_to_end
    from pipelines.monitoring import monitoring_pipeline

    run_to_end(monitoring_pipeline, no_cache=False, config=config, shift=options.inject, **known)


def _write_page(store: "MonitoringStore") -> None:
    from adapters.stack_connection import registry_of_stack
    from health_predict.monitoring.history import read_history
    from health_predict.pages.monitoring import monitoring_page

    page = state_folder() / PAGE
    complete = page.with_suffix(".new")
    complete.write_text(monitoring_page(read_history(store.ledger(), registry_of_stack().history())))
    complete.replace(page)


def _drifted(entry: "Entry") -> bool:
    return bool(entry.records["checked"]["verdict"]["verdict"] == "DRIFT_DETECTED")
