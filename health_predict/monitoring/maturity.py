"""When a label may be used: the target of batch t from batch t + K on, and by nobody before."""

from collections.abc import Sequence
from typing import TypeVar

from health_predict.errors import InputError

T = TypeVar("T")


def matured(batches: Sequence[T], current: int, delay: int) -> Sequence[T]:
    """Return the batches whose labels may be used while batch `current` is decided: those up to current - delay.

    Decisions, training and recalibration all take their labels from here.

    Args:
        batches: in arrival order, from batch 0 on; later ones than `current` may be there and are not returned.
        current: 0 or more.
        delay: K, in batches; 0 means that labels arrive with the batch.
    """
    _check(current, delay)
    return batches[: max(0, current - delay + 1)]


def newly_matured(current: int, delay: int) -> int | None:
    """Return the batch whose labels arrive when batch `current` does; None if there is none yet."""
    _check(current, delay)
    return current - delay if current >= delay else None


def _check(current: int, delay: int) -> None:
    if current < 0 or delay < 0:
        raise InputError(f"--label-delay {delay} at batch {current}: neither can be below 0")
