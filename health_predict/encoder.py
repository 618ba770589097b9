"""The record encoder: one raw record to the float32 vector that the estimator sees, from encoder.json alone.

It calls the same `element` as the vectorised path. What a value contributes is remembered per column, so that a record
costs one look-up a column. No pandas, no scikit-learn.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from health_predict.features import Feature, Result, Value, element

Vector = npt.NDArray[np.float32]
Slots = tuple[tuple[int, np.float32], ...]  # position in the vector, value

_REMEMBERED = 20_000  # distinct values a column may leave in memory; ICD-9 has about 15,000 codes


class RecordEncoder:
    """Encodes records with the features and fitted parameters of one model version."""

    def __init__(self, specification: Mapping[str, Any]) -> None:
        self.feature_order: tuple[str, ...] = tuple(specification["feature_order"])
        self._single: dict[str, list[tuple[Feature, int, Mapping[str, Any]]]] = {}
        self._joint: list[tuple[Feature, int, Mapping[str, Any]]] = []
        self._known: dict[str, dict[Value, Slots]] = {}
        position = 0
        for entry in specification["features"]:
            feature = _feature(entry)
            if feature.combine in ("only", "positive"):
                self._single.setdefault(feature.columns[0], []).append((feature, position, entry))
            else:
                self._joint.append((feature, position, entry))
            position += len(feature.levels) if feature.encoding == "one_hot" else 1
        if position != len(self.feature_order):
            raise ValueError(f"encoder.json: {len(self.feature_order)} names for {position} columns")
        self._columns = tuple(self._single)
        self._parts = {
            f.name: [partial(_remembering, {}, f, i) for i in range(len(f.columns))] for f, _, _ in self._joint
        }

    def encode(self, record: Mapping[str, Value], out: Vector | None = None) -> Vector:
        """Encode one record of raw values; an absent column or None is missing.

        Args:
            out: a (d,) float32 vector to write into, new if None.
        """
        vector = np.empty(len(self.feature_order), np.float32) if out is None else out
        vector.fill(0.0)
        for column in self._columns:
            for position, value in self._slots(column, record.get(column)):
                vector[position] = value
        for feature, position, entry in self._joint:
            parts = [part(record.get(c)) for part, c in zip(self._parts[feature.name], feature.columns, strict=True)]
            vector[position] = np.float32((_combined(feature, parts) - entry["mean"]) / entry["scale"])
        return vector

    def encode_all(self, records: Sequence[Mapping[str, Value]]) -> npt.NDArray[np.float32]:
        """Encode n records as an (n, d) float32 matrix."""
        matrix = np.empty((len(records), len(self.feature_order)), np.float32)
        for row, record in zip(matrix, records, strict=True):
            self.encode(record, row)
        return matrix

    def _slots(self, column: str, value: Value) -> Slots:
        known = self._known.setdefault(column, {})
        found = known.get(value)
        if found is None:
            found = tuple(slot for item in self._single[column] for slot in _contribution(*item, value))
            if len(known) < _REMEMBERED:
                known[value] = found
        return found


def _feature(entry: Mapping[str, Any]) -> Feature:
    return Feature(
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


def _contribution(feature: Feature, position: int, entry: Mapping[str, Any], value: Value) -> Slots:
    """What one value adds to the vector; zeros are left out, since the vector starts with them."""
    result = element(feature, 0, value)
    if feature.encoding == "one_hot":
        return ((position + feature.levels.index(str(result)), np.float32(1.0)),) if result in feature.levels else ()
    if feature.encoding == "target":
        return ((position, np.float32(entry["encodings"].get(result, entry["default"]))),)
    number = float(float(result) > 0) if feature.combine == "positive" else float(result)
    return ((position, np.float32((number - entry["mean"]) / entry["scale"])),)


def _remembering(known: dict[Value, Result], feature: Feature, column: int, value: Value) -> float:
    found = known.get(value)
    if found is None:
        found = element(feature, column, value)
        if len(known) < _REMEMBERED:
            known[value] = found
    return float(found)


def _combined(feature: Feature, parts: Sequence[float]) -> float:
    """Join elements as `engineer` does for a whole column."""
    if feature.combine == "ratio":
        return parts[0] / max(parts[1], 1.0)
    return max(parts) if feature.combine == "any" else sum(parts)
