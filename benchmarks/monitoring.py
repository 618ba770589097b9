"""A monitored batch of 1,000 encounters inside a running process, Evidently's reports included, and its decision alone.

    python -m benchmarks.monitoring [--batches 3] [--quick]

Goals: at most 8 s wall at a load below 1, and at most 50 ms for the decision. The champion is trained by `run.py` on
the data file first, in a state folder of its own; the first batch, which imports and caches, is not counted.
"""

import argparse
import logging
import os
import statistics
import subprocess
import sys
import tempfile
import time

from benchmarks import command_line
from stacks import environment

ROWS, REPEATS = 1000, 20
MOST_SECONDS, MOST_MILLISECONDS = 8.0, 50.0


def main() -> None:
    """Train, then monitor one batch after the other in this process."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batches", type=int, default=3)
    arguments = command_line.parse(parser)
    batches, profile = (1, command_line.QUICK_PROFILE) if arguments.quick else (arguments.batches, "quick")
    with tempfile.TemporaryDirectory() as state:
        os.environ["HEALTH_PREDICT_STATE"] = state
        environment.prepare()
        subprocess.run([sys.executable, "run.py", "--pipeline", "train", "--config", profile], check=True)
        try:
            measured = _measure(batches)
            milliseconds = _decision()
        finally:
            _command("--stop-endpoint")  # a recalibration starts it
        wall, cpu = (statistics.median(values) for values in zip(*measured, strict=True))
        print(
            f"batch of {ROWS:,}: {wall:.1f} s wall, {cpu:.1f} CPU-s, median of {len(measured)}; goal {MOST_SECONDS} s"
        )
        print(f"decision: {milliseconds:.1f} ms, median of {REPEATS}; goal {MOST_MILLISECONDS} ms")
        print(f"load average {os.getloadavg()[0]:.1f}")


def _measure(batches: int) -> list[tuple[float, float]]:
    """Return wall and CPU seconds of batches after which no version was made."""
    from adapters.monitoring_store import MonitoringStore

    measured = []
    while len(measured) <= batches:
        wall, cpu = time.monotonic(), time.process_time()
        _command("--pipeline", "monitor", "--batch-size", str(ROWS))
        usage = time.monotonic() - wall, time.process_time() - cpu
        outcome = MonitoringStore.of_stack().ledger().entries[-1].outcome
        measured += [] if outcome is None or outcome["version"] else [usage]
    return measured[1:]


def _command(*arguments: str) -> None:
    """Run a command line in this process."""
    from run import main as command

    code = command.main([*arguments], standalone_mode=False)
    logging.getLogger("health_predict").handlers.clear()  # the next command adds its own
    if code:
        raise RuntimeError(f"{arguments} ended with {code}")


def _decision() -> float:
    """Judge the last batch against its reference and its newest outcomes; return milliseconds."""
    from adapters.champion_scoring import reference_of
    from adapters.mlflow_registry import MODEL_NAME
    from adapters.monitoring_store import MonitoringStore
    from health_predict.monitoring.decision import Rule, judge
    from health_predict.monitoring.drift import measure_drift
    from health_predict.monitoring.performance import Performance
    from health_predict.release import Release

    store = MonitoringStore.of_stack()
    entry = store.ledger().entries[-1]
    scored, performance = entry.records["scored"], Performance.from_dict(entry.records["checked"]["performance"])
    reference, rows = reference_of(Release(MODEL_NAME, scored["version"], scored["run_id"])), store.batch(entry.batch)
    taken = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        judge(reference, measure_drift(reference, rows), performance, Rule())
        taken.append(time.perf_counter() - started)
    return 1000 * statistics.median(taken)


if __name__ == "__main__":
    command_line.run(main)
