"""Future encounters in batches, in the order in which they arrive."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import pandas as pd

from health_predict.columns import ENCOUNTER
from health_predict.errors import InputError

MINIMUM = 250  # rows; below it the alarms that matter have little power


@dataclass(frozen=True)
class Batch:
    """Consecutive encounters.

    Attributes:
        id: hash of the content, the same on every machine: a batch that comes again is recognised.
        large_enough: false for what is left at the end of the data, which is scored and not judged.
    """

    id: str
    rows: pd.DataFrame
    large_enough: bool


def cut(rows: pd.DataFrame, size: int) -> Iterator[pd.DataFrame]:
    """Cut n encounters, in the order given, into pieces of `size` rows; the last may be smaller."""
    if size < 1:
        raise InputError(f"--batch-size {size} is below 1")
    for start in range(0, len(rows), size):
        yield rows.iloc[start : start + size]


def batches(pieces: Iterable[pd.DataFrame], minimum: int = MINIMUM) -> Iterator[Batch]:
    """Join pieces that are too small with the next ones, in order.

    Pieces without a row vanish. Every row is in exactly one batch.

    Raises:
        InputError: an encounter comes twice in one batch.
    """
    waiting: list[pd.DataFrame] = []
    for piece in pieces:
        waiting.append(piece)
        if sum(map(len, waiting)) >= minimum:
            yield _batch(waiting, minimum)
            waiting = []
    if any(map(len, waiting)):
        yield _batch(waiting, minimum)


def next_batch(rows: pd.DataFrame, size: int, minimum: int = MINIMUM) -> Batch | None:
    """Return the first batch of n encounters, in the order given; None if there are none."""
    return next(batches(cut(rows, size), minimum), None)


def _batch(pieces: list[pd.DataFrame], minimum: int) -> Batch:
    rows = pd.concat([piece for piece in pieces if len(piece)], ignore_index=True)
    twice = int(rows[ENCOUNTER].duplicated().sum())
    if twice:
        raise InputError(f"batch: column '{ENCOUNTER}': {twice:,} encounters come twice; leave them out")
    return Batch(batch_id(rows), rows, len(rows) >= minimum)


def batch_id(rows: pd.DataFrame) -> str:
    """Return 16 hexadecimal digits of the SHA-256 of the rows as CSV, whatever their index and column order.

    Labels count: the same encounters with other labels are another batch.
    """
    ordered = rows[sorted(rows.columns)]
    return hashlib.sha256(ordered.to_csv(index=False, lineterminator="\n").encode()).hexdigest()[:16]
