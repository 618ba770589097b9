"""The loop over all future encounters of the real file: a frozen model against one that is retrained when asked to.

    python -m benchmarks.closed_loop [--batch-size 5000] [--label-delay 1] [--target any|within_30_days] [--quick]

Every batch is scored before its own labels are used. Labels that arrive with it recalibrate the champion first, if
their alarm is raised. Family and hyperparameters are fixed; verdict, action, training and judging encounters, promotion
and recalibration are those of the product. A champion is judged on its own scores: a batch whose labels mature is
scored again if the champion changed since it arrived.
"""

import argparse
import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from adapters.data_source import locate, open_source
from benchmarks import command_line
from benchmarks.monitored_models import Champion, fit_champion
from health_predict.bootstrap import interval, patient_weights, weighted_auroc
from health_predict.columns import PATIENT
from health_predict.monitoring.action import ActionSettings, Decided, Outcome, decide_action, decide_recalibration
from health_predict.monitoring.batches import batches, cut
from health_predict.monitoring.concordance import expected_auroc
from health_predict.monitoring.decision import DriftVerdict, Rule, judge, judge_labels
from health_predict.monitoring.drift import measure_drift
from health_predict.monitoring.maturity import matured, newly_matured
from health_predict.monitoring.performance import Performance, measure_performance
from health_predict.monitoring.recalibration import recalibrate
from health_predict.monitoring.retraining import RetrainingData, retraining_data
from health_predict.promotion import ModelFacts, decide_promotion
from health_predict.splits import split
from health_predict.target import Target, readmitted_binary
from health_predict.trials import auroc
from stacks.environment import cache_folder

Floats = npt.NDArray[np.float64]

SEED, QUICK_BATCHES = 42, 3
FIFTHS, DRAWS = 5, 500
LEAST_GAIN, LEAST_CALIBRATION_GAIN, MOST_RETRAINS = 0.008, 0.30, 6


@dataclass
class Loop:
    """The champion in use and what has happened so far."""

    champion: Champion
    initial: pd.DataFrame
    future: Sequence[pd.DataFrame]
    target: Target
    delay: int
    settings: ActionSettings
    name: str = "1"
    recalibrations: int = 0
    history: list[Decided] = field(default_factory=list)

    def run(self) -> list[Floats]:
        """Go through the future; returns the probabilities each batch was given on arrival."""
        scores = []
        for t, batch in enumerate(self.future):
            usable = matured(self.future, t, self.delay)
            performance = self._performance(t)
            recalibrated = performance is not None and self._recalibrate(performance, usable)
            scores.append(self.champion.model.probabilities(batch))
            verdict = judge(self.champion.reference, measure_drift(self.champion.reference, batch), performance, Rule())
            done = self._act(t, verdict, usable, recalibrated=recalibrated)
            realised, promised = auroc(readmitted_binary(batch, self.target), scores[-1]), expected_auroc(scores[-1])
            print(f"  {t:2} {len(batch):,} rows, AUROC {realised:.3f} (expected {promised:.3f}), {done}")
            print(f"     {verdict.verdict}: {verdict.reason}", flush=True)
        return scores

    def _performance(self, t: int) -> Performance | None:
        labelled = newly_matured(t, self.delay)
        if labelled is None:
            return None
        rows, champion = self.future[labelled], self.champion
        y, p = readmitted_binary(rows, self.target), champion.model.probabilities(rows)
        return measure_performance(champion.reference, y, p, rows[PATIENT])

    def _recalibrate(self, performance: Performance, usable: Sequence[pd.DataFrame]) -> bool:
        alarms, known = judge_labels(self.champion.reference, performance, Rule()), sum(map(len, usable))
        decision = decide_recalibration(alarms, self.history, self.settings, matured_rows=known)
        if decision.action == "recalibrate":
            self.champion = moved(self.champion, usable[-1], self.target)
            self.recalibrations += 1
        return decision.action == "recalibrate"

    def _act(self, t: int, verdict: DriftVerdict, usable: Sequence[pd.DataFrame], *, recalibrated: bool) -> str:
        data, known = retraining_data(self.initial, usable), sum(map(len, usable))
        decision = decide_action(
            verdict,
            self.history,
            self.settings,
            reference=self.name,
            matured_rows=known,
            retrain_lacks=data.missing,
            recalibrated=recalibrated,
        )
        reference, outcome = self.name, "promoted" if recalibrated else "pending"
        if decision.action == "retrain":
            outcome = self._retrain(t, data)
        self.history.append(Decided(reference, verdict.raised, decision.action, known, outcome))
        return f"{decision.action} ({decision.reason}), {outcome}"

    def _retrain(self, t: int, data: RetrainingData) -> Outcome:
        """The window mixes rates of years, so that a challenger starts from those of the judging encounters."""
        fitted = fit_champion(data.train, self.target, sizes=(len(self.future[t]),), seed=SEED)
        challenger = moved(fitted, data.judge, self.target)
        y = readmitted_binary(data.judge, self.target)
        facts = [ModelFacts(None, name, self.target, "uci") for name in (self.name, str(t))]
        old, new = (c.model.probabilities(data.judge) for c in (self.champion, challenger))
        decision = decide_promotion(y, old, new, data.judge[PATIENT], champion=facts[0], challenger=facts[1])
        if not decision.promoted:
            return "refused"
        self.champion, self.name = challenger, f"retrained at {t}"
        return "promoted"


def moved(champion: Champion, rows: pd.DataFrame, target: Target) -> Champion:
    """Recalibrate a champion on labelled encounters."""
    model, y = champion.model, readmitted_binary(rows, target)
    found = recalibrate(model.calibration, champion.reference, y, model.raw_scores(rows), rows[PATIENT])
    return Champion(replace(model, calibration=found.calibration), found.reference)


def main() -> None:
    """Run the loop and compare it with the model that stays as it is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch-size", type=int, default=5000)
    parser.add_argument("--label-delay", type=int, default=1)
    parser.add_argument("--target", default="any", choices=["any", "within_30_days"])
    arguments = command_line.parse(parser)
    raw = open_source(locate(None, os.environ, cache_folder()).uri)
    parts = split(raw.frame, seed=SEED)
    initial = pd.concat([parts.train, parts.validation], ignore_index=True)
    everything = pd.concat([initial, parts.test], ignore_index=True)
    future = [batch.rows for batch in batches(cut(parts.future, arguments.batch_size))]
    future = future[: QUICK_BATCHES if arguments.quick else None]
    frozen = fit_champion(initial, arguments.target, sizes=(arguments.batch_size,), seed=SEED)
    print(f"{raw.provenance}, target {arguments.target}, {len(future)} batches of {arguments.batch_size:,}")
    loop = Loop(frozen, everything, future, arguments.target, arguments.label_delay, ActionSettings())
    scores = loop.run()
    compare(loop, [frozen.model.probabilities(batch) for batch in future], scores)


def compare(loop: Loop, frozen: Sequence[Floats], scores: Sequence[Floats]) -> None:
    """Print gains with their goals."""
    y = [readmitted_binary(batch, loop.target) for batch in loop.future]
    patients = np.concatenate([batch[PATIENT].to_numpy() for batch in loop.future])
    gains, low, high = _gains(*map(np.concatenate, (y, frozen, scores)), patients)
    print("\ngain in AUROC per fifth of the future: " + ", ".join(f"{gain:+.4f}" for gain in gains))
    mean = float(np.mean(gains))
    print(
        f"mean {mean:+.4f} ({low:+.4f} to {high:+.4f}, patient bootstrap), goal >= {LEAST_GAIN}: {mean >= LEAST_GAIN}"
    )
    off = [np.mean([abs(np.mean(t - p)) for t, p in zip(y, given, strict=True)]) for given in (frozen, scores)]
    saved = 1 - off[1] / off[0]
    print(
        f"mean |observed - predicted| of a batch: {off[0]:.4f} frozen, {off[1]:.4f} in the loop, "
        f"{saved:.0%} less, goal >= {LEAST_CALIBRATION_GAIN:.0%}: {saved >= LEAST_CALIBRATION_GAIN}"
    )
    retrains = [past for past in loop.history if past.action == "retrain"]
    refused = sum(past.outcome == "refused" for past in retrains)
    print(
        f"{len(retrains)} retrains ({refused} refused), goal <= {MOST_RETRAINS}: {len(retrains) <= MOST_RETRAINS}; "
        f"{loop.recalibrations} recalibrations"
    )


def _gains(
    y: npt.NDArray[np.int8], frozen: Floats, scores: Floats, patients: npt.NDArray[np.int64]
) -> tuple[Floats, float, float]:
    """The gain in each fifth, and the 95 % interval of their mean when patients are drawn again."""
    fifths = np.array_split(np.arange(len(y)), FIFTHS)

    def gains(weights: npt.NDArray[np.int32]) -> Floats:
        parts = ((y[rows], frozen[rows], scores[rows], weights[:, rows]) for rows in fifths)
        return np.array([weighted_auroc(t, new, w) - weighted_auroc(t, old, w) for t, old, new, w in parts])

    drawn = np.concatenate([gains(block).mean(axis=0) for block in patient_weights(patients, DRAWS, SEED)])
    return (gains(np.ones((1, len(y)), np.int32))[:, 0], *interval(drawn))


if __name__ == "__main__":
    command_line.run(main)
