"""What one raw value does to the vector of its record, read from encoder.json; the two encoders apply it.

Both start from the vector of an empty record. A value sets positions of it, and adds to running totals, from which the
sums and ratios over several columns are computed. No pandas, no scikit-learn.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from health_predict.features import Feature, Value, element

Places = tuple[tuple[int, float], ...]

_TOTALS = {"sum": 1, "ratio": 2}  # running totals that a feature needs
_REMEMBERED = 20_000  # distinct values a column may leave in memory; ICD-9 has about 15,000 codes


class Effect(NamedTuple):
    """Numbers to set at positions of the vector, and numbers to add to running totals."""

    settings: Places
    amounts: Places


@dataclass(frozen=True)
class Joint:
    """A scaled sum or ratio, computed when every column was read.

    Attributes:
        position: where it goes.
        first, second: running totals; a sum is `first`, a ratio `first` over `second`.
    """

    position: int
    first: int
    second: int | None
    mean: float
    scale: float


@dataclass(frozen=True)
class Use:
    """A feature's use of one of its columns, the `index`-th.

    Attributes:
        position: the first of the feature's columns of the matrix.
        fitted: mean and scale, or target encodings with a default.
        total: the running total that the column adds to; None if its values go straight to the vector.
    """

    feature: Feature
    index: int
    position: int
    fitted: Mapping[str, Any]
    total: int | None


class ColumnEffects(dict[Value, Effect]):
    """The effect of every value of one column, computed when it is first asked for, then remembered.

    Threads may share it: at worst two compute the same effect.

    Attributes:
        positions: those that some value sets.
        template: what stands at a position that the value does not set, where that is not 0.
    """

    def __init__(self, uses: Sequence[Use], shared: dict[Effect, Effect]) -> None:
        super().__init__()
        self._direct = [use for use in uses if use.total is None]
        self._totalled = [(use, use.total) for use in uses if use.total is not None]
        self._shared = shared
        always = [use for use in self._direct if use.feature.encoding != "one_hot"]
        self.template = dict(setting for use in always for setting in _settings(use, None))
        self.positions = tuple(use.position + i for use in self._direct for i in range(width(use.feature)))

    def __missing__(self, value: Value) -> Effect:
        if value != value:  # each NaN would be a key of its own
            return self[None]
        settings = (s for use in self._direct for s in _settings(use, value) if self.template.get(s[0], 0.0) != s[1])
        amounts = ((total, float(element(use.feature, use.index, value))) for use, total in self._totalled)
        effect = Effect(tuple(settings), tuple((total, amount) for total, amount in amounts if amount))
        effect = self._shared.setdefault(effect, effect)  # thousands of codes have a few hundred effects
        if len(self) < _REMEMBERED:
            self[value] = effect
        return effect


@dataclass(frozen=True)
class Layout:
    """encoder.json, read.

    Attributes:
        sources: (d,) the declared feature of each column of the matrix.
        columns: the effects of each raw column.
        totals: how many running totals there are.
    """

    sources: tuple[str, ...]
    columns: Mapping[str, ColumnEffects]
    joints: tuple[Joint, ...]
    totals: int


def read_layout(specification: Mapping[str, Any]) -> Layout:
    """Read what `preprocessor.export_encoder` wrote.

    Raises:
        KeyError, ValueError: a part is missing, or the names and the features do not fit.
    """
    uses: dict[str, list[Use]] = {}
    joints: list[Joint] = []
    sources: list[str] = []
    totals = 0
    for entry in specification["features"]:
        feature, position = _feature(entry), len(sources)
        own = range(totals, totals + _TOTALS.get(feature.combine, 0))
        for index, column in enumerate(feature.columns):
            total = own[min(index, len(own) - 1)] if own else None
            uses.setdefault(column, []).append(Use(feature, index, position, entry, total))
        if own:
            joints.append(Joint(position, own[0], own[1] if len(own) > 1 else None, entry["mean"], entry["scale"]))
        totals += len(own)
        sources += [feature.name] * width(feature)
    if len(sources) != len(specification["feature_order"]):
        raise ValueError(f"encoder.json: {len(specification['feature_order'])} names for {len(sources)} columns")
    shared: dict[Effect, Effect] = {}
    columns = {column: ColumnEffects(of_column, shared) for column, of_column in uses.items()}
    return Layout(tuple(sources), columns, tuple(joints), totals)


def width(feature: Feature) -> int:
    """Count the columns of the matrix that a feature has."""
    return len(feature.levels) if feature.encoding == "one_hot" else 1


def _feature(entry: Mapping[str, Any]) -> Feature:
    feature = Feature(
        name=entry["name"],
        columns=tuple(entry["columns"]),
        element=entry["element"],
        combine=entry["combine"],
        encoding=entry["encoding"],
        fallback=tuple(entry["fallback"]),
        table=dict(entry["table"]),
        ranges=tuple((name, tuple(tuple(r) for r in ranges)) for name, ranges in entry["ranges"]),
        levels=tuple(entry["levels"]),
    )
    if feature.combine == "any" and (feature.element != "diagnosis_flag" or any(feature.fallback)):
        raise ValueError(f"encoder.json: {feature.name} is to join flags that are down when missing")
    return feature


def _settings(use: Use, value: Value) -> Iterator[tuple[int, float]]:
    """Positions and numbers, rounded to float32, that a value sets in a vector of zeros."""
    feature, result = use.feature, element(use.feature, use.index, value)
    if feature.encoding == "one_hot":
        if result in feature.levels:
            yield use.position + feature.levels.index(str(result)), 1.0
    elif feature.encoding == "target":
        yield use.position, float(np.float32(use.fitted["encodings"].get(result, use.fitted["default"])))
    else:
        number = float(float(result) > 0) if feature.combine == "positive" else float(result)
        yield use.position, float(np.float32((number - use.fitted["mean"]) / use.fitted["scale"]))
