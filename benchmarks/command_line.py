"""What the command lines of all benchmarks share: `--quick`, and how they end.

`--quick` is the same code on the same data with the fewest repetitions. It shows that a benchmark runs, which tests
ask; what it prints is measured too seldom to be quoted.
"""

import argparse
import subprocess
import sys
from collections.abc import Callable

from health_predict.errors import HealthPredictError

QUICK_PROFILE = "small"  # of trainings, whatever profile is asked for


def parse(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """Read the command line with `--quick` added to what the benchmark takes, and say so if it was given."""
    parser.add_argument("--quick", action="store_true", help="only show that it runs: the fewest repetitions")
    parsed = parser.parse_args()
    if parsed.quick:
        print("quick: shows that it runs; no figure below is to be quoted", flush=True)
    return parsed


def run(main: Callable[[], None]) -> None:
    """Run a benchmark: one line for what the user can mend, 130 if broken off, a traceback for a defect alone."""
    try:
        main()
    except HealthPredictError as error:
        _end(str(error), error.exit_code)
    except subprocess.CalledProcessError as failed:  # it has said itself why
        _end(f"{' '.join(map(str, failed.cmd))} ended with {failed.returncode}", failed.returncode)
    except KeyboardInterrupt:
        _end("interrupted", 130)


def _end(line: str, code: int) -> None:
    print(f"error: {line}", file=sys.stderr)
    sys.exit(code)
