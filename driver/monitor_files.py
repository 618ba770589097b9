"""Checks a file of the user's own with --current: says what was found, and leaves everything else as it is."""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from adapters.data_source import VARIABLE
from adapters.encounter_files import read_encounters
from adapters.report_files import check_folder
from configs.monitor import MonitorConfig
from driver.result_file import claim, file_check_result, write
from driver.stack import use_stack, use_stack_of
from health_predict.errors import InputError
from health_predict.monitoring.file_check import FileRequest
from health_predict.monitoring.own_encounters import accept
from stacks.environment import state_folder

if TYPE_CHECKING:
    from driver.monitor import Options

MODEL = "HealthPredict"
_URI = re.compile(rf"models:/{MODEL}(?:@champion|/(?P<version>[1-9][0-9]*))")


def check_own_file(options: "Options", config: MonitorConfig) -> int:
    """Check the files first, then score and judge; returns the exit code.

    Raises:
        InputError: options that do not go together, a file that cannot be taken, or no such version.
    """
    current, version = _current(options), _version(options.model_uri)
    result_file = claim(options.result, dry_run=options.dry_run)
    reference = _absolute(options.reference) if options.reference else None
    reports = _absolute(options.reports) if options.reports else str(state_folder() / "reports")
    check_folder(reports)
    for file in filter(None, (current, reference)):
        use_stack_of(file, options.stack)
    told = (*_announce(current, ""), *(_announce(reference, "reference: ") if reference else ()))
    if not options.verbose:
        from driver.console import quiet_libraries

        quiet_libraries()
    click.echo(f"stack: {use_stack(options.stack)}")
    from adapters.file_checking import version_of

    release = version_of(version).release
    click.echo(f"model: version {release.model_version}")
    if options.dry_run:
        click.echo("dry run: everything is in order, nothing was changed")
        return 0
    request = FileRequest(current, reference, release.model_version, reports, _data(options.data))
    check = _run(request, config)
    _show(check, told)
    write(result_file, file_check_result(check))
    return 4 if check["verdict"]["verdict"] == "DRIFT_DETECTED" and "drift" in options.fail_on else 0


def _current(options: "Options") -> str:
    if not options.current:
        raise InputError("--reference, --model-uri and --reports belong to --current; name the file to check")
    of_stream = {
        "--batches": options.batches != "1",
        "--batch-size": options.batch_size is not None,
        "--label-delay": options.label_delay is not None,
        "--inject": options.inject is not None,
        "--force-retrain": options.force_retrain,
    }
    given = [name for name, is_given in of_stream.items() if is_given]
    if given:
        raise InputError(f"{given[0]} belongs to the stream, not to --current, which is one file; leave it out")
    return _absolute(options.current)


def _version(uri: str | None) -> str | None:
    """Return the version that is asked for, None for the champion."""
    found = _URI.fullmatch(uri or f"models:/{MODEL}@champion")
    if found is None:
        raise InputError(f"--model-uri {uri}: write it as models:/{MODEL}@champion or models:/{MODEL}/3")
    return found["version"]


def _announce(file: str, prefix: str) -> tuple[str, ...]:
    """Check the file and return what was told about it."""
    own = accept(read_encounters(file).strings, file)
    labels = "with" if own.labelled else "without"
    click.echo(f"{prefix or 'file: '}{file}, {len(own.frame):,} encounters {labels} labels")
    notes = tuple(f"{prefix}{note}" for note in own.notes)
    _warn(notes)
    return notes


def _warn(notes: Sequence[str]) -> None:
    for note in notes:
        click.secho(f"  {note}", fg="yellow")


def _data(option: str | None) -> str | None:
    named = option or os.environ.get(VARIABLE)
    return _absolute(named) if named and named != "synthetic" else named


def _absolute(location: str) -> str:
    """A step may run in another working directory."""
    return location if location.startswith("s3://") else str(Path(location).expanduser().resolve())


def _run(request: FileRequest, config: MonitorConfig) -> dict[str, Any]:
    from driver.runs import output, run_to_end
    from pipelines.checking import checking_pipeline

    run = run_to_end(checking_pipeline, no_cache=True, request=request.as_dict(), config=config)
    check: dict[str, Any] = output(run, "check_own_file", "check")
    return check


def _show(check: dict[str, Any], told: Sequence[str]) -> None:
    _warn([note for note in check["notes"] if note not in told])
    verdict, drifted = check["verdict"], check["verdict"]["verdict"] == "DRIFT_DETECTED"
    parts = (
        f"check {check['id']}",
        f"{check['rows']:,} rows",
        verdict["verdict"],
        verdict["reason"],
        check["outcomes"],
        f"reports: {check['folder']}",
    )
    click.secho(" | ".join(parts), fg="red" if drifted else None)
    click.echo("the stream and its ledger were not touched; nothing was retrained or deployed")
