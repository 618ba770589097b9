"""Merges levels into groups that may be shown: on several sides at once, and counting patients, not rows."""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from health_predict.privacy import POOLED, SMALLEST_GROUP

Codes = npt.NDArray[np.intp]
Holders = npt.NDArray[np.bool_]
Group = list[int]
Fits = Callable[[Sequence[Holders], Group], bool]


def holders(levels: npt.ArrayLike, patients: npt.ArrayLike, size: int) -> Holders:
    """Tell which patient has which level: (patients, size), from the level and the patient's number of each row."""
    who = np.asarray(patients, dtype=np.intp)
    found = np.zeros((int(who.max(initial=-1)) + 1, size), dtype=np.bool_)
    found[who, np.asarray(levels)] = True
    return found


def may_show(sides: Sequence[Holders], members: Group) -> bool:
    """Tell whether these levels together have no patient or at least eleven on each side."""
    return all(count == 0 or count >= SMALLEST_GROUP for count in _counts(sides, members))


def is_full(sides: Sequence[Holders], members: Group) -> bool:
    """Tell whether these levels together have at least eleven patients on each side."""
    return min(_counts(sides, members)) >= SMALLEST_GROUP


def neighbours(sides: Sequence[Holders], levels: Sequence[int], fits: Fits) -> list[Group]:
    """Merge levels, given in their order, until each group fits; the last one takes back as many as it needs."""
    groups: list[Group] = []
    current: Group = []
    for level in levels:
        current.append(level)
        if fits(sides, current):
            groups.append(current)
            current = []
    while current and groups and not fits(sides, current):
        current = groups.pop() + current
    return [*groups, current] if current else groups


def name_neighbours(sides: Sequence[Holders], levels: Sequence[str]) -> npt.NDArray[np.object_]:
    """Name the group of each level of an ordered column; numbered, as reports sort by name."""
    names = np.array(levels, dtype=object)
    for number, members in enumerate(neighbours(sides, _seen(sides), may_show), start=1):
        first, last = levels[members[0]], levels[members[-1]]
        names[members] = f"{number:02d}: {first}" + (f" to {last}" if first != last else "")
    return names


def name_nominal(sides: Sequence[Holders], levels: Sequence[str]) -> npt.NDArray[np.object_]:
    """Name the group of each level: its own, or the pool of the levels that are too small to be shown.

    The smallest of the rest join the pool until that can be shown.
    """
    sizes = np.sum([side.sum(axis=0) for side in sides], axis=0)
    order = sorted(_seen(sides), key=lambda level: int(sizes[level]))
    pool = [level for level in order if not may_show(sides, [level])]
    rest = [level for level in order if level not in pool]
    while pool and rest and not may_show(sides, pool):
        pool.append(rest.pop(0))
    names = np.array(levels, dtype=object)
    names[pool] = POOLED
    return names


def _counts(sides: Sequence[Holders], members: Group) -> list[int]:
    return [int(side[:, members].any(axis=1).sum()) for side in sides]


def _seen(sides: Sequence[Holders]) -> list[int]:
    seen: list[int] = np.flatnonzero(np.any([side.any(axis=0) for side in sides], axis=0)).tolist()
    return seen
