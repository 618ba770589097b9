"""The search of a profile on the real file, from the start of Ray to its end: time, CPU seconds, reports and scores.

    python -m benchmarks.search [--config quick|full ...] [--set search.trials=50 ...] [--quick]

Goals on two idle cores: quick (24 trials) within 90 s, full (200 trials) within 10 minutes. Also measures the bundle's
files of the largest forest that the search space allows, which must be 50 MB at most.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from adapters.data_source import locate, open_source
from adapters.ray_search import search
from benchmarks import command_line
from benchmarks.process_tree import measure
from configs.loading import load
from configs.train import TrainConfig
from health_predict.bundle import write_estimator
from health_predict.columns import PATIENT
from health_predict.engineer import engineer
from health_predict.families import SPACES, Configuration, fit, sample_configurations
from health_predict.preprocessor import fit_preprocessor, transform
from health_predict.splits import split
from health_predict.target import Target, readmitted_binary
from health_predict.trials import SearchData, TrialResult, best_per_family
from stacks.environment import cache_folder
from steps.progress import show_progress
from steps.training.ray_settings import ray_settings


def main() -> None:
    """Measure every profile in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", nargs="+", default=["quick", "full"])
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    arguments = command_line.parse(parser)
    if arguments.inside:
        print(json.dumps(_search(arguments.config[0], arguments.set)))
        return
    print(f"largest forest: {_largest_forest()}")
    pairs = [part for pair in arguments.set for part in ("--set", pair)]
    for config in [command_line.QUICK_PROFILE] if arguments.quick else arguments.config:
        command = [sys.executable, "-m", "benchmarks.search", "--inside", "--config", config, *pairs]
        usage = measure(command, os.environ)
        told = json.loads(usage.output.splitlines()[-1])
        print(
            f"{config}: {told['seconds']:.1f} s wall ({told['start']:.1f} s to the first report), "
            f"{usage.cpu_seconds - told['cpu_before']:.0f} CPU-s, peak {usage.peak_mb:,.0f} MB, "
            f"load average {os.getloadavg()[0]:.1f}"
        )
        print("\n".join(told["lines"]))


def _search(config: str, pairs: Sequence[str]) -> dict[str, Any]:
    settings = load(TrainConfig, "train", config, pairs)
    data = _data(settings.target, settings.seed)
    configurations = sample_configurations(settings.search.families, settings.search.trials, settings.seed)
    events: list[float] = []
    started, cpu_before = time.monotonic(), time.process_time()
    with show_progress(f"search, {config}") as show:

        def tell(done: int, of: int, remark: str) -> None:
            events.append(time.monotonic() - started)
            show(done, of, remark)

        wanted = ray_settings(settings.search, settings.metric, tell)
        results = search(configurations, data, wanted)
    return {
        "seconds": time.monotonic() - started,
        "start": events[0],
        "cpu_before": cpu_before,
        "lines": [_line(results, family, wanted.max_reports[family]) for family in settings.search.families],
    }


def _data(target: Target, seed: int) -> SearchData:
    splits = split(open_source(locate(None, os.environ, cache_folder()).uri).frame, seed=seed)
    y, y_validation = readmitted_binary(splits.train, target), readmitted_binary(splits.validation, target)
    preprocessor, X = fit_preprocessor(engineer(splits.train), y, splits.train[PATIENT], seed)
    return SearchData(X, y, transform(preprocessor, engineer(splits.validation)), y_validation)


def _line(results: Sequence[TrialResult], family: str, most: int) -> str:
    own = [result for result in results if result.configuration.family == family]
    ends = ", ".join(f"{count} {reason}" for reason, count in sorted(Counter(r.stop_reason for r in own).items()))
    reports = sum(len(result.scores) for result in own)
    best = best_per_family(own, 1)[0]
    return (
        f"  {family}: {len(own)} trials ({ends}), {reports} of {most * len(own)} reports, "
        f"{sum(result.seconds for result in own):.0f} s in models, best {best.score:.4f} "
        f"at {best.size} {SPACES[best.configuration.family].unit}"
    )


def _largest_forest() -> str:
    rng = np.random.default_rng(0)
    X = rng.standard_normal((8000, 3)).astype(np.float32)
    noise = rng.integers(0, 2, 8000).astype(np.int8)  # nothing to learn, hence trees as large as allowed
    space = SPACES["random_forest"]
    largest = Configuration("largest", "random_forest", {**space.default, "min_samples_leaf": 1}, seed=0)
    forest = fit(largest, space.maximum_size, X, noise, threads=os.cpu_count() or 1)
    nodes = sum(tree.tree_.node_count for tree in forest.estimators_)
    with tempfile.TemporaryDirectory() as folder:
        write_estimator(forest, X.shape[1], Path(folder))
        sizes = {file.name: file.stat().st_size for file in sorted(Path(folder).iterdir())}
    files = ", ".join(f"{name} {size / 1e6:.1f} MB" for name, size in sizes.items())
    return f"{nodes:,} nodes, {files}, {sum(sizes.values()) / nodes:.1f} bytes a node"


if __name__ == "__main__":
    command_line.run(main)
