"""Valid raw records drawn over the declaration, for golden records, tests and benchmarks; never for a score.

They cover what the declaration allows and not what patients look like, and no value comes from the data. No pandas.
"""

from collections.abc import Sequence
from random import Random

from health_predict.columns import ENCOUNTER, INPUTS, PATIENT, Column
from health_predict.diagnoses import CHAPTERS, COMORBIDITIES, GROUPS, Range
from health_predict.features import Value

_ENDS = 0.2  # share of the numbers drawn at an end of their range, where rules turn
_WIDTHS = {"": 1, "V": 2, "E": 3}  # digits before the point
_ANY_NUMBER: tuple[Range, ...] = (("", 0.0, 1000.0),)  # reaches the codes that belong to no group
_DIAGNOSES = (*(ranges for _, ranges in (*GROUPS, *CHAPTERS, *COMORBIDITIES)), _ANY_NUMBER)


def generate_records(
    n: int, seed: int, *, share_missing: float = 0.1, columns: Sequence[Column] = INPUTS
) -> list[dict[str, Value]]:
    """Draw n raw records: categories and codes uniformly, ICD-9 codes uniformly over the declared groups.

    Args:
        share_missing: probability of None, 0..1, in the columns that may be missing; 0 gives complete records.
        columns: COLUMNS adds identifiers (encounters count from 1, patients are of n numbers) and the target.
    """
    random = Random(seed)
    return [{column.name: _draw(column, i, n, share_missing, random) for column in columns} for i in range(n)]


def _draw(column: Column, position: int, n: int, share_missing: float, random: Random) -> Value:
    if column.missing and random.random() < share_missing:
        return None
    if column.name == ENCOUNTER:
        return position + 1
    if column.name == PATIENT:
        return random.randint(1, n)
    if column.kind == "diagnosis":
        return _diagnosis(random)
    if column.kind == "integer":
        ends = random.random() < _ENDS
        return random.choice((column.low, column.high)) if ends else random.randint(column.low, column.high)
    allowed: Sequence[Value] = column.categories or column.codes
    return random.choice(allowed)


def _diagnosis(random: Random) -> str:
    """Draw a declared group, one of its ranges, then a code in it with up to two decimals."""
    kind, low, high = random.choice(random.choice(_DIAGNOSES))
    whole, part = divmod(random.randrange(round(low * 100), round(high * 100)), 100)
    decimals = random.randint(0, 2)
    return f"{kind}{whole:0{_WIDTHS[kind]}d}" + f".{part:02d}"[: decimals + 1] * (decimals > 0)
