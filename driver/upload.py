"""Puts the data into the stack's artifact store and says where it lies."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from adapters.data_source import SYNTHETIC, locate, open_source
from adapters.data_upload import RAW, folder_of_stack
from configs.loading import load
from configs.train import TrainConfig
from driver.stack import use_stack, use_stack_of
from health_predict.errors import InputError
from health_predict.splits import split
from stacks.environment import cache_folder, state_folder


@dataclass(frozen=True)
class Options:
    """The command line's words."""

    config: str | None
    stack: str | None
    data: str | None
    pairs: tuple[str, ...]
    dry_run: bool
    verbose: bool


def run(options: Options) -> int:
    """Check everything first, then upload; returns the exit code.

    Raises:
        InputError: no file, or one that breaks the declaration; InfrastructureError: a store that takes nothing.
    """
    how = load(TrainConfig, "train", options.config, options.pairs).data
    uri, source = _source(options.data)
    use_stack_of(uri, options.stack)
    raw = open_source(uri)
    rows = {part: len(frame) for part, frame in vars(split(raw.frame, seed=how.seed, protocol=how.protocol)).items()}
    click.echo(f"data: {source} ({raw.provenance}), {len(raw.frame):,} encounters")
    click.echo(f"upload: {', '.join(f'{count:,} {part}' for part, count in rows.items())}; the split of a training")
    if not options.verbose:
        from driver.console import quiet_libraries

        quiet_libraries()
    click.echo(f"stack: {use_stack(options.stack)}")
    _check_seen_by_steps(uri)
    place = _checked_place()
    if options.dry_run:
        click.echo(f"dry run: everything is in order, nothing was sent to {place}")
        return 0
    _show(_run(uri=uri, source=source, sha256=raw.sha256, seed=how.seed, protocol=how.protocol))
    return 0


def _source(data: str | None) -> tuple[str, str]:
    """Return where the data is and its name, without the folders of this machine."""
    found = locate(data, os.environ, cache_folder())
    if found.uri == SYNTHETIC:
        raise InputError(
            "no data to upload (the synthetic sample would pass for patients' data in the store); "
            "give --data the UCI zip or a CSV"
        )
    return found.uri, found.uri.rpartition("/")[2]


def _check_seen_by_steps(uri: str) -> None:
    """InputError for a file of this machine that a step in a container would not find."""
    from zenml.client import Client

    local = Client().active_stack.orchestrator.config.is_local
    if not local and not uri.startswith("s3://") and not Path(uri).is_relative_to(state_folder()):
        raise InputError(
            f"{uri}: steps of this stack run in containers, which see of this machine {state_folder()} alone; "
            "copy the file there, and give that path"
        )


def _checked_place() -> str:
    store = folder_of_stack()
    store.check()
    return store.uri("")


def _run(**arguments: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - those of the pipeline
    from driver.runs import output, run_to_end
    from pipelines.uploading import uploading_pipeline

    uploaded: list[dict[str, Any]] = output(
        run_to_end(uploading_pipeline, no_cache=True, **arguments), "upload_data", "uploaded"
    )
    return uploaded


def _show(uploaded: list[dict[str, Any]]) -> None:
    for file in uploaded:
        what = "sent" if file["sent"] else "there already"
        click.echo(f"{what}: {file['uri']} ({file['size'] / 1e6:,.1f} MB)")
    raw = next(file["uri"] for file in uploaded if file["uri"].endswith(RAW))
    click.echo(f"next: python run.py --pipeline train --data {raw}")
