"""Two steps that run in containers, and what ZenML says of them: `python -m tests.stack.container_steps run|ask`.

Imports nothing but ZenML, so that the image of the tests can be small.
"""

import json
import os
import time
from pathlib import Path
from typing import Annotated

from stacks.environment import prepare

prepare()

import click  # noqa: E402
from zenml import pipeline, step  # noqa: E402

NAME = "container_steps"
VALUE = 41
_LONG = 300.0  # seconds; whoever is told to wait is killed before


@step(enable_cache=False)
def seen(does: str) -> Annotated[dict[str, str], "place"]:
    """Tell what a step finds in its container, or wait to be killed."""
    if does == "wait":
        time.sleep(_LONG)
    names = sorted(name for name in os.environ if any(word in name for word in ("TOKEN", "KEY", "PASSWORD", "SECRET")))
    return {"user": str(os.getuid()), "in_container": str(Path("/.dockerenv").exists()), "secrets": " ".join(names)}


@step(enable_cache=False)
def number(place: dict[str, str]) -> Annotated[int, "number"]:
    """Read what the other container left in the store."""
    return VALUE + len(place) * 0


@pipeline(name=NAME, enable_cache=False)
def container_steps(does: str) -> None:
    """One after the other."""
    number(seen(does=does))


@click.group()
def main() -> None:
    """The client's side."""


@main.command()
@click.option("--stacks", type=click.Path(path_type=Path), required=True)
@click.option("--does", default="succeed")
def run(stacks: Path, does: str) -> None:
    """Apply the stack `containers` of a folder and run the pipeline on it to its end."""
    from stacks.apply import apply_stack

    apply_stack("containers", activate=True, folder=stacks)
    from tests.stack.container_steps import container_steps as named  # by the name that a container knows

    click.echo(f"run: {named(does=does).name}")


@main.command()
def ask() -> None:
    """Print the newest run: name, status, reason, status of its steps, and what they returned."""
    from zenml.client import Client

    found = Client().list_pipeline_runs(pipeline=NAME, sort_by="desc:created", size=1, hydrate=True).items
    if not found:
        click.echo("{}")
        return
    steps = {name: each.status.value for name, each in found[0].steps.items()}
    values = {
        name: next(iter(each.outputs.values()))[0].load()
        for name, each in found[0].steps.items()
        if each.status.value == "completed"
    }
    said = {"name": found[0].name, "status": found[0].status.value, "reason": found[0].get_body().status_reason}
    click.echo(json.dumps({**said, "steps": steps, "values": values}))


if __name__ == "__main__":
    main()
