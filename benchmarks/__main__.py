"""Run every benchmark, one after the other: `python -m benchmarks` (about an hour on two cores)."""

import subprocess
import sys

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


def main() -> None:
    """Stop at the first benchmark that fails."""
    for command in COMMANDS:
        print(f"\n=== python -m {' '.join(command)}", flush=True)
        subprocess.run([sys.executable, "-m", *command], check=True)


if __name__ == "__main__":
    main()
