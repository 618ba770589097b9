"""Draws synthetic encounters from the aggregate profile: the declared 50 columns, repeat patients, drift over time.

First come the patients and their encounters. Then every other column is drawn down the profile's tree, given its
parent, `readmitted` and the tenth of the file. For tests and demonstrations: it is no privacy guarantee, and numbers
measured on it say `synthetic`.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from health_predict.columns import ENCOUNTER, NAMES, PATIENT, TARGET_COLUMN, WHOLE_NUMBERS
from health_predict.errors import InputError
from health_predict.synthesis import treatments
from health_predict.synthesis.drawing import Codes, draw, draw_within
from health_predict.synthesis.histories import Encounters, draw_encounters, draw_persons
from health_predict.synthesis.margins import Profile, load_profile
from health_predict.synthesis.tables import Tables, prepare

__all__ = ["load_profile", "sample_encounters", "sample_from"]

FIRST_IDENTIFIER = 1_000_000_000  # above every number of the real file, so that none is met by chance
WIDEST_STEP = 5_000  # between the numbers of consecutive encounters

Objects = npt.NDArray[np.object_]


def sample_encounters(n: int, seed: int) -> pd.DataFrame:
    """Draw n encounters in arrival order from the committed profile; the same for the same n and seed.

    Returns:
        The 50 declared columns, whole numbers as int64, the rest as str, missing as NaN. All identifiers are invented.

    Raises:
        InputError: n is below 1, or the profile cannot be read.
    """
    return sample_from(load_profile(), n, seed)


def sample_from(profile: Profile, n: int, seed: int) -> pd.DataFrame:
    """Draw n encounters from a given profile; see `sample_encounters`."""
    if n < 1:
        raise InputError(f"a synthetic sample of {n} encounters is asked for; ask for 1 or more")
    random = np.random.default_rng(seed)
    tables = prepare(profile)
    encounters = draw_encounters(tables, n, random)
    levels = _levels(profile, tables, encounters, random)
    columns = {name: _values(profile, tables, name, levels, random) for name in levels}
    return _frame(columns, encounters, random)


def _levels(profile: Profile, tables: Tables, encounters: Encounters, random: np.random.Generator) -> dict[str, Codes]:
    """Draw the level of every column: what stays with the patient first, then down the tree."""
    levels = {"visit": encounters.visit, TARGET_COLUMN: encounters.readmitted}
    levels |= draw_persons(tables, encounters, random)
    for parent, child in profile.tree:
        parents = (encounters.period, levels[parent], levels[TARGET_COLUMN])
        levels[child] = draw(tables.column[child], parents, random)
    return levels


def _values(
    profile: Profile, tables: Tables, name: str, levels: Mapping[str, Codes], random: np.random.Generator
) -> Objects:
    """Turn the levels of a column into values: the level itself, or one of the values it groups."""
    axis = f"{name} value"
    if axis not in profile.group:
        return _objects(profile.axes[name])[levels[name]]
    group = np.array(profile.group[axis])
    chosen = draw_within(tables.value[axis], group, levels[TARGET_COLUMN], levels[name], random)
    return _objects(profile.axes[axis])[chosen]


def _objects(labels: tuple[Any, ...]) -> Objects:
    return np.array([np.nan if label is None else label for label in labels], dtype=object)


def _frame(columns: Mapping[str, Objects], encounters: Encounters, random: np.random.Generator) -> pd.DataFrame:
    """Put the declared columns together, with invented identifiers; encounter numbers rise with time."""
    steps = random.integers(1, WIDEST_STEP, len(encounters.time))
    patients = random.permutation(encounters.patient.max() + 1)
    identifiers = {
        ENCOUNTER: FIRST_IDENTIFIER + np.cumsum(steps),
        PATIENT: FIRST_IDENTIFIER + patients[encounters.patient],
    }
    every = {**columns, **identifiers, **treatments.columns(columns[treatments.TREATMENT])}
    return pd.DataFrame({name: every[name] for name in NAMES}).astype(dict.fromkeys(WHOLE_NUMBERS, "int64"))
