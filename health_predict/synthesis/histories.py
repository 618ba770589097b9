"""Draws patients: when each is first seen, how each encounter ends, when the next one follows, and who they are."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from health_predict.columns import READMISSIONS
from health_predict.synthesis.drawing import Codes, draw
from health_predict.synthesis.margins import GAP_EDGES, PERIODS, VISIT_STARTS, YEARS
from health_predict.synthesis.tables import Tables

Numbers = npt.NDArray[np.float64]

LONGEST_HISTORY = 50  # encounters of one patient, whatever a profile says


@dataclass(frozen=True)
class Encounters:
    """Who comes when and what follows, one element an encounter.

    Attributes:
        patient: numbered from 0.
        rank: 0 for the patient's first encounter.
        time: 0 to 1 along the file.
        outcome: the level of OUTCOMES.
    """

    patient: Codes
    rank: Codes
    time: Numbers
    outcome: Codes

    @property
    def period(self) -> Codes:
        """The tenth of the file."""
        return np.minimum((self.time * PERIODS).astype(np.int64), PERIODS - 1)

    @property
    def visit(self) -> Codes:
        """The level of the axis `visit`."""
        return np.asarray(np.digitize(self.rank + 1, VISIT_STARTS), dtype=np.int64)

    @property
    def readmitted(self) -> Codes:
        """The level of READMISSIONS."""
        return self.outcome % len(READMISSIONS)

    @property
    def followed(self) -> npt.NDArray[np.bool_]:
        """Whether the patient comes again within the file."""
        return self.outcome >= len(READMISSIONS)

    def pick(self, chosen: npt.NDArray[np.int64] | npt.NDArray[np.bool_]) -> "Encounters":
        """Return the chosen encounters, in that order."""
        return Encounters(self.patient[chosen], self.rank[chosen], self.time[chosen], self.outcome[chosen])


def draw_encounters(tables: Tables, n: int, random: np.random.Generator) -> Encounters:
    """Follow n patients from encounter to encounter, keep the first n rows, and sort those by time."""
    nobody = np.zeros(n, dtype=np.int64)
    time = (draw(tables.first, (nobody,), random) + random.random(n)) / PERIODS
    wave = _end(tables, Encounters(np.arange(n), nobody, time, nobody), random)
    waves = [wave]
    while wave.followed.any() and len(waves) < LONGEST_HISTORY:
        earlier = wave.pick(wave.followed)
        time = _next_time(tables, earlier, random)
        wave = _end(tables, Encounters(earlier.patient, earlier.rank + 1, time, earlier.outcome), random)
        waves.append(wave)
    every = Encounters(*(np.concatenate(parts) for parts in zip(*map(_fields, waves), strict=True)))
    kept = every.pick(np.lexsort((every.rank, every.patient))[:n])
    return kept.pick(np.argsort(kept.time, kind="stable"))


def _fields(encounters: Encounters) -> tuple[Codes, Codes, Numbers, Codes]:
    return encounters.patient, encounters.rank, encounters.time, encounters.outcome


def _end(tables: Tables, wave: Encounters, random: np.random.Generator) -> Encounters:
    outcome = draw(tables.outcome, (wave.period, wave.visit), random)
    return Encounters(wave.patient, wave.rank, wave.time, outcome)


def _next_time(tables: Tables, earlier: Encounters, random: np.random.Generator) -> Numbers:
    """Draw when the next encounter happens: after the earlier one, before the end of the file."""
    edges = np.array(GAP_EDGES)
    gap = draw(tables.gap, (earlier.period, earlier.readmitted), random)
    n = len(gap)
    time = earlier.time + edges[gap] + (edges[gap + 1] - edges[gap]) * random.random(n)
    return np.where(time < 1.0, time, earlier.time + (1.0 - earlier.time) * random.random(n))


def draw_persons(tables: Tables, encounters: Encounters, random: np.random.Generator) -> dict[str, Codes]:
    """Draw the levels of age, race and gender once a patient; age rises with the years between encounters."""
    start = np.flatnonzero(encounters.rank == 0)
    start = start[np.argsort(encounters.patient[start])]  # patients are numbered without a hole
    first, person = encounters.pick(start), encounters.patient
    age = draw(tables.age, (first.period, first.outcome), random)
    parents = (first.period, age, first.outcome)
    lasting = {name: draw(table, parents, random)[person] for name, table in tables.person.items()}
    decades = (encounters.time - first.time[person]) * YEARS / 10.0
    older = np.floor(random.random(len(start))[person] + decades).astype(np.int64)
    return {**lasting, "age": np.minimum(age[person] + older, tables.age.shape[-1] - 1)}
