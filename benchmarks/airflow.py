"""Airflow's share of a run: from the submission to the first step, and between two steps.

    make services-up
    python -m benchmarks.airflow [--runs 3] [--quick]

Goals, at a load below 1: at most 20 s from the submission (the DAG file is written) to the first step, and at most 12 s
from the end of a step to the start of the one after it. The steps of the measured pipeline do nothing; what they cost
is the start and end of their process and what Airflow and ZenML do about it. The runs stay in the ZenML store.
"""

import argparse
import os
import statistics
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from stacks import environment

environment.prepare()

from zenml import pipeline, step  # noqa: E402

from benchmarks import command_line  # noqa: E402
from driver.runs import run_to_end  # noqa: E402
from driver.stack import use_stack  # noqa: E402
from stacks.components.airflow_steps.dag_file import dag_id_of  # noqa: E402

SUBMISSION, BETWEEN = 20.0, 12.0  # seconds


@step
def first() -> Annotated[int, "one"]:
    """Does nothing."""
    return 1


@step
def second(one: int) -> Annotated[int, "two"]:
    """Does nothing, after the first."""
    return one + 1


@pipeline(name="airflow_overhead", enable_cache=False)
def overhead() -> None:
    """Two steps in a row."""
    second(first())


def main() -> None:
    """Run the pipeline several times and print both times of each, the median and the load."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--stack", default="airflow")
    arguments = command_line.parse(parser)
    use_stack(arguments.stack)
    measured = []
    for number in range(1 if arguments.quick else arguments.runs):
        load = os.getloadavg()[0]
        measured.append(_measured())
        begun, between = measured[-1]
        print(f"run {number + 1}: first step after {begun:.1f} s, next one after {between:.1f} s, load {load:.1f}")
    medians = [statistics.median(times) for times in zip(*measured, strict=True)]
    print(f"median: {medians[0]:.1f} s (goal {SUBMISSION:.0f}) and {medians[1]:.1f} s (goal {BETWEEN:.0f})")


def _measured() -> tuple[float, float]:
    from zenml.client import Client

    run = run_to_end(overhead, no_cache=True)
    folder = Path(Client().active_stack.orchestrator.config.dags_folder)
    written = (folder / f"{dag_id_of(run.name)}.zip").stat().st_mtime
    submitted = datetime.fromtimestamp(written, UTC).replace(tzinfo=None)
    one, two = run.steps["first"], run.steps["second"]
    return (one.start_time - submitted).total_seconds(), (two.start_time - one.end_time).total_seconds()


if __name__ == "__main__":
    command_line.run(main)
