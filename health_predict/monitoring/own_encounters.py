"""Encounters of a user's own, outside the stream: what is taken as it is, what is completed, and what is refused."""

from dataclasses import dataclass
from itertools import chain

import numpy as np
import numpy.typing as npt
import pandas as pd

from health_predict.columns import BY_NAME, ENCOUNTER, PATIENT, READMISSIONS, TARGET_COLUMN
from health_predict.errors import InputError
from health_predict.monitoring.monitored import MONITORED
from health_predict.privacy import SMALLEST_GROUP
from health_predict.schema import validate
from health_predict.splits import at_risk
from health_predict.target import Target, readmitted_binary

_WITHOUT = {
    ENCOUNTER: "encounters that come twice cannot be found",
    PATIENT: "EVERY ROW COUNTS AS A PATIENT OF ITS OWN, so intervals are too narrow, and a group of "
    f"{SMALLEST_GROUP} rows may be fewer patients",
}


@dataclass(frozen=True)
class OwnEncounters:
    """Checked encounters that a readmission can follow.

    Attributes:
        frame: n raw encounters of at least eleven patients; the target column is there if every row has a label.
        notes: what was completed, left out or is not known, a sentence each.
    """

    frame: pd.DataFrame
    notes: tuple[str, ...]

    @property
    def labelled(self) -> bool:
        """Whether the outcomes are known."""
        return TARGET_COLUMN in self.frame


@dataclass(frozen=True)
class Outcomes:
    """The (n,) outcomes, 0 or 1; None if they are not known or not to be told, the latter with a note."""

    y: npt.NDArray[np.int8] | None
    notes: tuple[str, ...] = ()


def outcomes_of(own: OwnEncounters, target: Target) -> Outcomes:
    """Return the outcomes, unless from one to ten patients have one of the two: then any rate would tell about them."""
    if not own.labelled:
        return Outcomes(None)
    y = readmitted_binary(own.frame, target)
    counts = [own.frame[PATIENT][y == outcome].nunique() for outcome in (0, 1)]
    if any(0 < count < SMALLEST_GROUP for count in counts):
        few = f"fewer than {SMALLEST_GROUP} patients have one of the two outcomes"
        return Outcomes(None, (f"{few}: nothing is told of the outcomes",))
    return Outcomes(y)


def accept(strings: pd.DataFrame, source: str) -> OwnEncounters:
    """Check a file of encounters, with or without identifiers and target.

    Args:
        strings: every column as str, missing as NaN.
        source: what the messages call the file.

    Raises:
        InputError: one line with file, column, row count and cure: columns that are missing or unknown, values that are
            not declared, labels for some rows only, an encounter that comes twice, or fewer than eleven patients.
    """
    absent = [name for name in _WITHOUT if name not in strings]
    numbers = [str(number) for number in range(1, len(strings) + 1)]
    labelled, notes = _labels(strings.astype(object).assign(**dict.fromkeys(absent, numbers)), source)
    frame = validate(labelled, source)
    left = at_risk(frame)
    if left[PATIENT].nunique() < SMALLEST_GROUP:
        few = f"fewer than {SMALLEST_GROUP} patients that can be readmitted, of whom nothing may be told"
        raise InputError(f"{source}: {few}; give more, or score them: python run.py --pipeline score")
    missing = [f"no column '{name}': {_WITHOUT[name]}" for name in absent]
    return OwnEncounters(left, (*missing, *notes, *_of_rows(len(frame) - len(left)), *_of_columns(left)))


def _labels(frame: pd.DataFrame, source: str) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Labels of some rows say nothing: those who come back are known first."""
    if TARGET_COLUMN not in frame:
        return frame, ()
    labels, column = frame[TARGET_COLUMN], f"{source}: column '{TARGET_COLUMN}'"
    unknown = int(labels.isna().sum())
    if unknown == len(frame):
        return frame.drop(columns=TARGET_COLUMN), (f"column '{TARGET_COLUMN}' is empty: outcomes are not known",)
    if unknown:
        lost = f"{unknown:,} of {len(frame):,} rows have no label"
        raise InputError(f"{column}: {lost}; complete them, or leave the whole column out")
    wrong = int((~labels.isin(READMISSIONS)).sum())
    if wrong:
        words = " nor ".join(READMISSIONS)
        raise InputError(f"{column}: {wrong:,} rows are neither {words}; write them so, or leave the column out")
    return frame, ()


def _of_rows(dropped: int) -> tuple[str, ...]:
    if not dropped:
        return ()
    count = f"{dropped:,}" if dropped >= SMALLEST_GROUP else f"fewer than {SMALLEST_GROUP}"
    return (f"{count} encounters that ended in death or hospice are left out",)


def _of_columns(frame: pd.DataFrame) -> tuple[str, ...]:
    watched = set(chain.from_iterable(column.sources for column in MONITORED))
    empty = [name for name in BY_NAME if name in watched and frame[name].isna().all()]
    return (f"without any value: {', '.join(empty)}",) if empty else ()
