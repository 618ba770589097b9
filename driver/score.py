"""Scores a file with the champion and says where the scores and the invalid rows are."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from adapters.stack_connection import registry_of_stack
from adapters.table_files import open_table
from adapters.table_output import check_output
from driver.provenance import say_what_it_learnt_from
from driver.stack import use_stack, use_stack_of
from health_predict.errors import InputError
from health_predict.privacy import SMALLEST_GROUP
from health_predict.table_columns import TableLayout, lay_out


@dataclass(frozen=True)
class Options:
    """The command line's words."""

    input: str | None
    output: str | None
    stack: str | None
    model_version: str | None
    dry_run: bool
    verbose: bool


def run(options: Options) -> int:
    """Check everything first, then score; returns the exit code, 0 also if rows were invalid.

    Raises:
        InputError: no input, output or champion, or a file that cannot be read or written.
    """
    source, destination = _files(options)
    use_stack_of(source, options.stack)
    _announce(source, _check(source, destination))
    if not options.verbose:
        from driver.console import quiet_libraries

        quiet_libraries()
    click.echo(f"stack: {use_stack(options.stack)}")
    from adapters.release_fetching import release_of

    release = release_of(options.model_version)
    click.echo(f"model: version {release.model_version}")
    say_what_it_learnt_from(registry_of_stack(), release.model_version)
    if options.dry_run:
        click.echo("dry run: everything is in order, nothing was changed")
        return 0
    _show(_run(release.model_version, source, destination), source)
    return 0


def _files(options: Options) -> tuple[str, str]:
    if not options.input or not options.output:
        raise InputError("--pipeline score needs --input and --output, each a .csv, .csv.gz or .parquet file")
    source, destination = map(_absolute, (options.input, options.output))
    return source, destination


def _check(source: str, destination: str) -> TableLayout:
    check_output(destination, source)
    with open_table(source) as table:
        return lay_out(table.schema, source)


def _announce(source: str, layout: TableLayout) -> None:
    click.echo(f"input: {source}")
    if layout.absent:
        click.secho(f"not in the input, so missing in every row: {', '.join(layout.absent)}", fg="yellow")


def _run(version: str, source: str, destination: str) -> dict[str, Any]:
    from driver.runs import output, run_to_end
    from pipelines.scoring import scoring_pipeline

    run = run_to_end(scoring_pipeline, no_cache=True, version=version, source=source, destination=destination)
    scoring: dict[str, Any] = output(run, "score_file", "scoring")
    return scoring


def _show(scoring: dict[str, Any], source: str) -> None:
    seconds = max(scoring["seconds"], 1e-3)
    speed = f"{seconds:.1f} s, {scoring['rows'] / seconds:,.0f} rows/s"
    click.echo(f"scored: {scoring['scored']:,} of {scoring['rows']:,} rows with version {scoring['version']} ({speed})")
    if scoring["mean_score"] is not None:
        predicted = f"{scoring['share_predicted']:.1%} predicted to be readmitted"
        click.echo(f"mean score {scoring['mean_score']:.3f}, {predicted}")
    elif scoring["scored"]:
        click.echo(f"no mean score: under {SMALLEST_GROUP} rows")
    click.echo(f"scores: {scoring['output']}")
    if scoring["invalid"]:
        fields = ", ".join(f"{field} {count:,}" for field, count in scoring["fields"].items())
        click.secho(f"INVALID ROWS, not scored: {scoring['invalid']:,} ({fields})", fg="red", bold=True)
        click.echo(f"they are with their reasons in {scoring['aside']}; correct them there and score that file")
    if scoring["rows"] == 0:
        click.secho(f"{source} has no rows", fg="yellow")


def _absolute(location: str) -> str:
    """A step may run in another working directory."""
    return location if location.startswith("s3://") else str(Path(location).expanduser().resolve())
