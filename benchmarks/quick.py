"""`--quick`, an option of every benchmark: the same code on the same data with the fewest repetitions.

It shows that a benchmark runs, which tests ask; what it prints is measured too seldom to be quoted.
"""

import argparse

PROFILE = "small"  # of trainings, whatever profile is asked for


def parse(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """Read the command line with `--quick` added to what the benchmark takes, and say so if it was given."""
    parser.add_argument("--quick", action="store_true", help="only show that it runs: the fewest repetitions")
    parsed = parser.parse_args()
    if parsed.quick:
        print("quick: shows that it runs; no figure below is to be quoted", flush=True)
    return parsed
