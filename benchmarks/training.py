"""The whole `train` command on the real file: time, memory, and the scores of the frozen model on the future.

    python -m benchmarks.training [--config quick|full] [--target any|within_30_days] [--quick]

The future rows are scored here and nowhere in the pipeline: nothing is chosen by them.
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path

from benchmarks import command_line
from benchmarks.process_tree import measure

QUICK_ROWS = 5_000


def main() -> None:
    """Train in a state folder of its own, then score every future encounter with the champion's bundle."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", default="quick", help="a profile of train, or a file")
    parser.add_argument("--target", default="any", choices=["any", "within_30_days"])
    arguments = command_line.parse(parser)
    config = command_line.QUICK_PROFILE if arguments.quick else arguments.config
    with tempfile.TemporaryDirectory() as state:
        environment = {**os.environ, "HEALTH_PREDICT_STATE": state}
        command = [sys.executable, "run.py", "--pipeline", "train", "--config", config]
        usage = measure([*command, "--target", arguments.target], environment)
        print(usage.output)
        load = os.getloadavg()[0]
        print(f"train {config} {arguments.target}: {usage.seconds:.0f} s wall, {usage.cpu_seconds:.0f} CPU-s,")
        print(f"  peak {usage.peak_mb:,.0f} MB proportional memory, load average {load:.1f}")
        print(_frozen(Path(state), arguments.target, QUICK_ROWS if arguments.quick else None))


def _frozen(state: Path, target: str, rows: int | None) -> str:
    os.environ["HEALTH_PREDICT_STATE"] = str(state)
    from stacks import environment

    environment.prepare()
    from adapters.data_source import locate, open_source
    from adapters.mlflow_registry import Registry
    from health_predict.bundle import frame_records
    from health_predict.columns import PATIENT
    from health_predict.evaluation import evaluate
    from health_predict.scorer import load_scorer
    from health_predict.splits import split
    from health_predict.target import readmitted_binary

    registry = Registry(state / "locks", environment.mlflow_tracking_uri())
    champion = registry.champion()
    if champion is None:
        raise RuntimeError("the run registered no champion")
    scorer = load_scorer(registry.download_bundle(champion.version, state / "bundle"))
    raw = open_source(locate(None, os.environ, environment.cache_folder()).uri)
    future = split(raw.frame, seed=42).future[:rows]
    y = readmitted_binary(future, target)
    evaluation = evaluate(
        y, scorer.probabilities(frame_records(future)), future[PATIENT], threshold=scorer.threshold, seed=0, draws=200
    )
    scores = ", ".join(f"{name} {value}" for name, value in evaluation.metrics.items())
    return f"frozen on {evaluation.rows:,} future encounters ({raw.provenance}): {scores}"


if __name__ == "__main__":
    command_line.run(main)
