"""The profile as probabilities, ready to draw from."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from health_predict.columns import TARGET_COLUMN
from health_predict.synthesis.conditionals import Table, normalise, one_parent, rake, two_parents
from health_predict.synthesis.margins import Profile


@dataclass(frozen=True)
class Tables:
    """The profile as probabilities, ready to draw from.

    Attributes:
        first: P(period) of a patient's first encounter, shape (1, period).
        outcome: (period, visit, outcome); gap: (period, readmitted, gap); age: (period, start, age).
        person: race and gender, each (period, age, start, level).
        column: each leaf of the tree, (period, parent, readmitted, level).
        value: each "<column> value", (readmitted, value).
    """

    first: Table
    outcome: Table
    gap: Table
    age: Table
    person: Mapping[str, Table]
    column: Mapping[str, Table]
    value: Mapping[str, Table]


@lru_cache(maxsize=4)
def prepare(profile: Profile) -> Tables:
    """Turn the counts of a profile into probabilities."""
    readmitted = one_parent(profile, "period", TARGET_COLUMN)
    joint = {root: _root_joint(profile, root, readmitted) for root in ("visit", "race", "gender", "age")}
    column = {}
    for parent, child in profile.tree:
        table = two_parents(profile, parent, TARGET_COLUMN, child)
        column[child] = rake(table, joint[parent], one_parent(profile, "period", child))
        joint[child] = np.einsum("tpy,tpyx->txy", joint[parent], column[child])
    gap = two_parents(profile, "period", TARGET_COLUMN, "gap")
    return Tables(
        first=normalise(profile.margin("period", "visit")[:, 0])[None],
        outcome=two_parents(profile, "period", "visit", "outcome"),
        gap=normalise(gap[..., :-1]),  # without "no other encounter", which the outcome decides
        age=two_parents(profile, "period", "start", "age"),
        person={name: _person(profile, name) for name in ("race", "gender")},
        column=column,
        value={axis: one_parent(profile, TARGET_COLUMN, axis) for axis in profile.group},
    )


def _root_joint(profile: Profile, root: str, readmitted: Table) -> Table:
    """Estimate P(root, readmitted | period) as (period, root, readmitted)."""
    table = one_parent(profile, TARGET_COLUMN, root)[None]
    raked = rake(table, readmitted[:, None], one_parent(profile, "period", root))
    return np.asarray(np.einsum("ty,tyx->txy", readmitted, raked[:, 0]))


def _person(profile: Profile, name: str) -> Table:
    """Estimate P(race or gender | period, age, start) over patients' first encounters."""
    parents = profile.margin("period", "age", "start").astype(np.float64)
    parents[..., -1] = 0.0  # not a first encounter
    parents /= np.maximum(parents.sum((1, 2), keepdims=True), 1.0)
    return rake(two_parents(profile, "age", "start", name), parents, one_parent(profile, "period", name))
