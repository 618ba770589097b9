"""Run every benchmark, one after the other: `python -m benchmarks [--quick]`; about an hour on two cores."""

import argparse
import subprocess
import sys
import time

from benchmarks import command_line

COMMANDS = (
    ["benchmarks.training", "--config", "quick", "--target", "any"],
    ["benchmarks.training", "--config", "quick", "--target", "within_30_days"],
    ["benchmarks.training", "--config", "full", "--target", "any"],
    ["benchmarks.leakage"],
    ["benchmarks.synthetic_quality"],
    ["benchmarks.search"],
    ["benchmarks.drift"],
    ["benchmarks.closed_loop"],
    ["benchmarks.monitoring"],
    ["benchmarks.scoring"],
    ["benchmarks.serving"],
    ["benchmarks.batch_scoring"],
    ["benchmarks.services"],
)
# every profile is the smallest one then, and one target shows that it runs
QUICK = tuple(command for command in COMMANDS if not {"full", "within_30_days"} & set(command))


def main() -> None:
    """Stop at the first benchmark that fails."""
    parser = argparse.ArgumentParser(description=__doc__)
    quick = command_line.parse(parser).quick
    short = ["--quick"] if quick else []
    for command in QUICK if quick else COMMANDS:
        print(f"\n=== python -m {' '.join(command)}", flush=True)
        started = time.monotonic()
        subprocess.run([sys.executable, "-m", *command, *short], check=True)
        print(f"=== {time.monotonic() - started:.0f} s", flush=True)


if __name__ == "__main__":
    command_line.run(main)
