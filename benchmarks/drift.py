"""False alarms and detection of the drift verdict on the real file, with Evidently's rules beside it.

    python -m benchmarks.drift [--references 20] [--evidently 40] [--target any|within_30_days] [--quick]

No-drift batches: patients are split at random, so that batches differ from the reference by chance alone; every
reference is a new split with a model of its own. Shifts: health_predict.monitoring.simulate. Intervals are exact
(Clopper and Pearson); the batches of one reference share it, so they are somewhat too narrow.
"""

import argparse
import os
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from adapters.data_source import locate, open_source
from benchmarks import command_line
from benchmarks.evidently_rules import RULES, drifted
from benchmarks.monitored_models import Champion, fit_champion
from health_predict.columns import PATIENT
from health_predict.monitoring.decision import DriftVerdict, Rule, judge
from health_predict.monitoring.drift import measure_drift
from health_predict.monitoring.null import FEWEST_DRAWS
from health_predict.monitoring.performance import measure_performance
from health_predict.monitoring.reference import DRAWS
from health_predict.monitoring.simulate import inject, parse_shift
from health_predict.splits import split
from health_predict.target import Target, readmitted_binary
from stacks.environment import cache_folder

FIRST_SEED = 1000  # of the reported references; nothing was tuned on splits with these seeds
# size -> (first row, batches) per reference; the ranges of 250 and 1000 do not overlap, those of 5000 are all there are
NO_DRIFT = {250: (0, 25), 1000: (6_250, 25), 5000: (0, 15)}
SHIFTED_FROM, SHIFTED_BATCHES, POOL = 31_250, 10, 1350  # a label shift leaves 1,000 of 1,350 rows
GOALS = {"age": 0.70, "a1c": 0.95, "insulin": 0.90, "payer": 0.95, "sicker": 0.95, "label": 0.95, "concept": 0.95}
NEEDS_LABELS = ("label", "concept")
MOST_FALSE_ALARMS = 0.02


@dataclass(frozen=True)
class Effort:
    """What is done for each reference.

    Attributes:
        evidently: batches per condition that Evidently sees, too.
        batches: the most batches per condition.
        draws: from which the reference takes its null distribution.
    """

    evidently: int
    batches: int = 25
    draws: int = DRAWS


QUICK = Effort(evidently=1, batches=1, draws=FEWEST_DRAWS)


@dataclass
class Tally:
    """How often something happened."""

    hits: int = 0
    of: int = 0

    def add(self, hit: bool) -> None:
        """Count one batch."""
        self.hits, self.of = self.hits + bool(hit), self.of + 1

    def __str__(self) -> str:
        if not self.of:
            return "not run"
        interval = binomtest(self.hits, self.of).proportion_ci(method="exact")
        return f"{self.hits / self.of:.3f} ({interval.low:.3f}-{interval.high:.3f}), {self.hits} of {self.of}"


@dataclass
class Results:
    """Tallies by what was tallied, and the milliseconds of each decision: wall time and CPU time."""

    tallies: dict[tuple[str, ...], Tally] = field(default_factory=lambda: defaultdict(Tally))
    milliseconds: list[tuple[float, float]] = field(default_factory=list)


def main() -> None:
    """Run every reference, then print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--references", type=int, default=20)
    parser.add_argument("--evidently", type=int, default=40, help="batches per condition that Evidently sees, too")
    parser.add_argument("--first-seed", type=int, default=FIRST_SEED)
    parser.add_argument("--target", default="any", choices=["any", "within_30_days"])
    arguments = command_line.parse(parser)
    raw = open_source(locate(None, os.environ, cache_folder()).uri)
    results = Results()
    references = 1 if arguments.quick else arguments.references
    effort = QUICK if arguments.quick else Effort(evidently=-(-arguments.evidently // references))
    for index in range(references):
        start = time.perf_counter()
        measure_reference(raw.frame, arguments.first_seed + index, arguments.target, effort, results)
        print(f"reference {index + 1} of {references}: {time.perf_counter() - start:.0f} s", flush=True)
    print(f"\n{raw.provenance}, target {arguments.target}, {references} references, rate 1 % per batch")
    for line in report(results):
        print(line)


def measure_reference(raw: pd.DataFrame, seed: int, target: Target, effort: Effort, results: Results) -> None:
    """Draw a reference, fit its model, and judge batches without and with drift; the first few by Evidently, too."""
    parts = split(raw, seed=seed, protocol="random")
    initial = pd.concat([parts.train, parts.validation], ignore_index=True)
    champion = fit_champion(initial, target, sizes=tuple(NO_DRIFT), seed=seed, draws=effort.draws)
    for size, (first, count) in NO_DRIFT.items():
        for number, batch in enumerate(_cut(parts.future, first, size, min(count, effort.batches))):
            _tally_verdicts(champion, batch, target, results, ("none", str(size)))
            if size == 1000 and number < effort.evidently:
                _tally_evidently(initial, batch, results, "none")
    for number, pool in enumerate(_cut(parts.future, SHIFTED_FROM, POOL, min(SHIFTED_BATCHES, effort.batches))):
        for shift in GOALS:
            batch = shifted(pool, shift, target, seed=seed * 100 + number)
            _tally_verdicts(champion, batch, target, results, (shift, "1000"))
            if shift not in NEEDS_LABELS and number < effort.evidently:
                _tally_evidently(initial, batch, results, shift)


def shifted(pool: pd.DataFrame, shift: str, target: Target, *, seed: int) -> pd.DataFrame:
    """Put a shift on 1,000 rows; a label shift takes them out of the whole pool."""
    rows = pool if shift == "label" else pool.iloc[:1000]
    return inject(rows.reset_index(drop=True), parse_shift(shift), target=target, seed=seed).iloc[:1000]


def _cut(frame: pd.DataFrame, first: int, size: int, count: int) -> Iterator[pd.DataFrame]:
    for number in range(count):
        batch = frame.iloc[first + number * size : first + (number + 1) * size]
        if len(batch) == size:
            yield batch.reset_index(drop=True)


def _tally_verdicts(
    champion: Champion, batch: pd.DataFrame, target: Target, results: Results, condition: tuple[str, str]
) -> None:
    reference, rule = champion.reference, Rule()
    probability, y = champion.model.probabilities(batch), readmitted_binary(batch, target)
    wall, cpu = time.perf_counter(), time.process_time()
    drift = measure_drift(reference, batch)
    unlabelled = judge(reference, drift, None, rule)
    labelled = judge(reference, drift, measure_performance(reference, y, probability, batch[PATIENT]), rule)
    results.milliseconds.append((1000 * (time.perf_counter() - wall), 1000 * (time.process_time() - cpu)))
    _tally(unlabelled, results, (*condition, "without labels"))
    _tally(labelled, results, (*condition, "with labels"))


def _tally(verdict: DriftVerdict, results: Results, condition: tuple[str, ...]) -> None:
    results.tallies[condition].add(verdict.verdict == "DRIFT_DETECTED")
    for alarm in verdict.alarms:
        results.tallies[(*condition, alarm.name)].add(alarm.raised)


def _tally_evidently(reference: pd.DataFrame, batch: pd.DataFrame, results: Results, condition: str) -> None:
    for name in RULES:
        results.tallies[("evidently", name, condition)].add(drifted(name, reference, batch))


def report(results: Results) -> Iterator[str]:
    """Lay out every tally with its goal."""
    tallies = results.tallies
    yield f"\nfalse alarms of the whole verdict (goal <= {MOST_FALSE_ALARMS})"
    for size in NO_DRIFT:
        for labels in ("without labels", "with labels"):
            yield f"  {size:5} rows, {labels:15}: {_judged(tallies['none', str(size), labels], MOST_FALSE_ALARMS)}"
            yield f"        {_per_alarm(results, ('none', str(size), labels))}"
    yield "\ndetection at 1,000 rows"
    for shift, goal in GOALS.items():
        for labels in ("without labels", "with labels"):
            counted = (labels == "with labels") == (shift in NEEDS_LABELS)
            found = tallies[shift, "1000", labels]
            yield f"  {shift:8} {labels:15}: " + (_judged(found, -goal) if counted else str(found))
        yield f"        {_per_alarm(results, (shift, '1000', 'with labels'))}"
    yield "\nEvidently on some of the same batches of 1,000 rows: share of batches with dataset drift"
    for name, meaning in RULES.items():
        for condition in ("none", *(shift for shift in GOALS if shift not in NEEDS_LABELS)):
            yield f"  {meaning}, {condition:8}: {tallies['evidently', name, condition]}"
    for clock, spent in zip(("wall", "CPU"), np.array(results.milliseconds).T, strict=True):
        middle, high = np.quantile(spent, [0.5, 0.99])
        yield f"\ndecision, both verdicts: {middle:.1f} ms {clock} (median), {high:.1f} (99th percentile), goal <= 50"
    yield f"load average {os.getloadavg()[0]:.1f} at the end"


def _judged(tally: Tally, goal: float) -> str:
    """A positive goal is a ceiling, a negative one a floor."""
    share = tally.hits / tally.of
    met = share <= goal if goal > 0 else share >= -goal
    return f"{tally} - goal {'<=' if goal > 0 else '>='} {abs(goal)}: {'met' if met else 'MISSED'}"


def _per_alarm(results: Results, condition: tuple[str, ...]) -> str:
    alarms = {key[-1]: tally for key, tally in results.tallies.items() if key[:-1] == condition}
    return ", ".join(f"{name} {tally.hits / tally.of:.3f}" for name, tally in alarms.items())


if __name__ == "__main__":
    command_line.run(main)
