"""A pipeline of two steps that can be made to fail: `python -m tests.stack.two_steps --does kill --marks FOLDER`.

The first step leaves an artifact in the stack's store; the second one reads it and logs a metric to the stack's MLflow.
"""

import os
import signal
import time
from pathlib import Path
from typing import Annotated

from stacks.environment import prepare

prepare()

import click  # noqa: E402
from zenml import pipeline, step  # noqa: E402

from driver.console import explained, quiet_libraries  # noqa: E402
from health_predict.errors import InputError  # noqa: E402

VALUE = 41
PATIENCE = 120.0  # seconds that a step waits to be let go


@step(enable_cache=False)
def first(does: str, marks: str) -> Annotated[int, "value"]:
    """Return a number, or fail in the way that is asked for."""
    mark(marks, "first.started")
    if does == "fail":
        raise InputError("tests: told to fail; tell it otherwise")
    if does == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if does == "wait":
        wait_for(Path(marks) / "go")
    return VALUE


@step(enable_cache=False, experiment_tracker=True)
def second(value: int, marks: str) -> Annotated[int, "sum"]:
    """Log what came, and one more."""
    import mlflow

    mark(marks, "second.started")
    mlflow.log_metric("value", value)
    return value + 1


@pipeline(
    name="two_steps", enable_cache=False, settings={"experiment_tracker": {"experiment_name": "HealthPredict_TwoSteps"}}
)
def two_steps(does: str, marks: str) -> None:
    """One after the other."""
    second(first(does=does, marks=marks), marks=marks)


def mark(folder: str, name: str) -> None:
    """Tell the test how far it came, with the process's id."""
    (Path(folder) / name).write_text(str(os.getpid()))


def wait_for(path: Path, patience: float = PATIENCE) -> None:
    """Return when the file is there; AssertionError after `patience` seconds."""
    end = time.monotonic() + patience
    while not path.exists():
        assert time.monotonic() < end, f"{path} did not appear within {patience:.0f} s"
        time.sleep(0.1)


@click.command()
@click.option("--does", default="succeed")
@click.option("--marks", required=True)
@click.option("--stack", default="airflow")
def main(does: str, marks: str, stack: str) -> None:
    """Run it to its end, as run.py runs a pipeline, and print the name of the run."""
    from driver.runs import run_to_end
    from driver.stack import use_stack

    quiet_libraries()
    with explained(verbose=False):
        use_stack(stack)
        from tests.stack.two_steps import two_steps as named  # by the name that a step in another process knows

        click.echo(f"run: {run_to_end(named, no_cache=True, does=does, marks=marks).name}")


if __name__ == "__main__":
    main()
