"""The record encoder: one raw record to the float32 vector that the estimator sees, from encoder.json alone.

It calls the same `element` as the vectorised path, once per distinct value of a column, so that a record costs one
look-up a column. No pandas, no scikit-learn.
"""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from health_predict.effects import read_layout
from health_predict.features import Value

Vector = npt.NDArray[np.float32]


class RecordEncoder:
    """Encodes records with the features and fitted parameters of one model version; threads may share it.

    Attributes:
        feature_order: names of the d columns of the matrix.
        layout: what the values of each raw column do to the vector.
        template: (d,) the vector that every record starts from.
    """

    def __init__(self, specification: Mapping[str, Any]) -> None:
        self.feature_order: tuple[str, ...] = tuple(specification["feature_order"])
        self.layout = read_layout(specification)
        self.template = np.zeros(len(self.feature_order), np.float32)
        for effects in self.layout.columns.values():
            for place, number in effects.template.items():
                self.template[place] = number
        self._columns = tuple(self.layout.columns.items())

    def encode(self, record: Mapping[str, Value], out: Vector | None = None) -> Vector:
        """Encode one record of raw values; an absent column or None is missing.

        Args:
            out: a (d,) float32 vector to write into, new if None.
        """
        vector = np.empty(len(self.template), np.float32) if out is None else out
        vector[:] = self.template
        cells = cast("memoryview[float]", vector.data)  # sets a number in half of numpy's time
        totals = [0.0] * self.layout.totals
        value_of = record.get
        for column, effects in self._columns:
            settings, amounts = effects[value_of(column)]
            for place, number in settings:
                cells[place] = number
            for place, number in amounts:
                totals[place] += number
        for joint in self.layout.joints:
            joined = totals[joint.first]
            if joint.second is not None:
                joined /= max(totals[joint.second], 1.0)
            cells[joint.position] = (joined - joint.mean) / joint.scale
        return vector

    def encode_all(self, records: Sequence[Mapping[str, Value]]) -> npt.NDArray[np.float32]:
        """Encode n records as an (n, d) float32 matrix."""
        matrix = np.empty((len(records), len(self.feature_order)), np.float32)
        for row, record in zip(matrix, records, strict=True):
            self.encode(record, row)
        return matrix
