"""Shifts that can be put on a batch, for demonstrations and for measuring what the alarms detect. Seeded.

The seven shifts and their default strengths are those that the monitoring was designed by.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from health_predict.columns import AGES, BY_NAME, TARGET_COLUMN
from health_predict.errors import InputError
from health_predict.target import Target, readmitted_binary

Rows = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Shift:
    """A named shift.

    Attributes:
        strength: above 0; what it means is said in `meaning`.
    """

    name: str
    strength: float

    @property
    def meaning(self) -> str:
        """Say in words what the shift does."""
        return _SHIFTS[self.name].meaning


@dataclass(frozen=True)
class _Kind:
    default: float
    highest: float
    needs_labels: bool
    meaning: str
    apply: Callable[[pd.DataFrame, float, Target, np.random.Generator], pd.DataFrame]


def parse_shift(text: str) -> Shift:
    """Read NAME or NAME:STRENGTH, such as "a1c" or "age:0.5"; InputError names what is allowed."""
    name, colon, number = text.partition(":")
    if name not in _SHIFTS:
        raise InputError(f"--inject {name!r} is not one of {', '.join(_SHIFTS)}")
    kind = _SHIFTS[name]
    try:
        strength = float(number) if colon else kind.default
    except ValueError:
        strength = float("nan")
    if not 0 < strength <= kind.highest:
        raise InputError(f"--inject {name}: strength {number!r} is not within 0 to {kind.highest:g}; leave it out")
    return Shift(name, strength)


def inject(frame: pd.DataFrame, shift: Shift, *, target: Target, seed: int) -> pd.DataFrame:
    """Put a shift on n raw encounters.

    Returns:
        A new frame with the same columns; n rows, except for "label", which leaves negatives out.

    Raises:
        InputError: the shift changes labels and the frame has none.
    """
    kind = _SHIFTS[shift.name]
    if kind.needs_labels and TARGET_COLUMN not in frame.columns:
        raise InputError(f"--inject {shift.name} changes column '{TARGET_COLUMN}', which the batch does not have")
    return kind.apply(frame, shift.strength, target, np.random.default_rng(seed))


def _some(candidates: Rows, share: float, rng: np.random.Generator) -> Rows:
    """Draw a share of candidate rows without replacement."""
    return rng.permutation(candidates)[: round(share * len(candidates))]


def _with(frame: pd.DataFrame, column: str, rows: Rows, values: npt.ArrayLike) -> pd.DataFrame:
    changed = frame[column].to_numpy(copy=True)
    changed[rows] = values
    return frame.assign(**{column: changed})


def _age(frame: pd.DataFrame, strength: float, _target: Target, rng: np.random.Generator) -> pd.DataFrame:
    rows = _some(np.arange(len(frame)), strength, rng)
    older = dict(zip(AGES, (*AGES[1:], AGES[-1]), strict=True))
    return _with(frame, "age", rows, frame["age"].iloc[rows].map(older))


def _a1c(frame: pd.DataFrame, strength: float, _target: Target, rng: np.random.Generator) -> pd.DataFrame:
    """New tests come out like the old ones do."""
    measured = (frame["A1Cresult"] != "None").to_numpy()
    count = min(round(strength * measured.sum()), int((~measured).sum()))
    rows = rng.permutation(np.flatnonzero(~measured))[:count]
    return _with(frame, "A1Cresult", rows, rng.choice(frame["A1Cresult"].to_numpy()[measured], count))


def _insulin(frame: pd.DataFrame, strength: float, _target: Target, rng: np.random.Generator) -> pd.DataFrame:
    rows = _some(np.flatnonzero(frame["insulin"] == "No"), strength, rng)
    return _with(frame, "insulin", rows, "Steady")


def _payer(frame: pd.DataFrame, strength: float, _target: Target, rng: np.random.Generator) -> pd.DataFrame:
    return _with(frame, "payer_code", _some(np.arange(len(frame)), strength, rng), np.nan)


def _sicker(frame: pd.DataFrame, strength: float, _target: Target, rng: np.random.Generator) -> pd.DataFrame:
    rows = _some(np.arange(len(frame)), strength, rng)
    for column, more in (("number_inpatient", 1), ("num_medications", 3)):
        raised = frame[column].to_numpy()[rows] + more
        frame = _with(frame, column, rows, np.minimum(raised, BY_NAME[column].high))
    return frame


def _label(frame: pd.DataFrame, strength: float, target: Target, rng: np.random.Generator) -> pd.DataFrame:
    """Leave negatives out, since drawing positives twice would show in the features."""
    y = readmitted_binary(frame, target)
    wanted = min(y.mean() + strength, 0.99)
    kept = round(y.sum() * (1 - wanted) / wanted)
    negatives = rng.permutation(np.flatnonzero(y == 0))[:kept]
    rows = np.sort(np.concatenate([np.flatnonzero(y == 1), negatives]))
    return frame.iloc[rows].reset_index(drop=True)


def _concept(frame: pd.DataFrame, strength: float, _target: Target, rng: np.random.Generator) -> pd.DataFrame:
    rows = _some(np.flatnonzero(frame["number_inpatient"] > 0), strength, rng)
    return _with(frame, TARGET_COLUMN, rows, "NO")


_SHIFTS: Mapping[str, _Kind] = {
    "age": _Kind(0.3, 1.0, False, "this share of the patients is one age bracket older", _age),
    "a1c": _Kind(1.0, 10.0, False, "A1c is measured this many times more often on top (1: twice as often)", _a1c),
    "insulin": _Kind(0.2, 1.0, False, "this share of the patients without insulin gets a steady dose", _insulin),
    "payer": _Kind(0.3, 1.0, False, "the payer of this share of the patients is missing", _payer),
    "sicker": _Kind(0.3, 1.0, False, "this share has one more inpatient stay and three more drugs", _sicker),
    "label": _Kind(0.13, 0.5, True, "the share of readmitted patients rises by this much", _label),
    "concept": _Kind(0.5, 1.0, True, "this share of those with inpatient stays before is not readmitted", _concept),
}
NAMES: tuple[str, ...] = tuple(_SHIFTS)
