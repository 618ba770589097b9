"""The table encoder: n encounters by their columns to the (n, d) matrix, the same to the bit as record by record.

Each column comes as codes into its distinct values, and what a value does is looked up once per distinct value. No
pandas; pyarrow is not imported, its columns are asked for what they have.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from health_predict.effects import ColumnEffects
from health_predict.encoder import RecordEncoder
from health_predict.features import Value

Matrix = npt.NDArray[np.float32]

ROWS_AT_ONCE = 4096  # 2 MB of matrix, which a processor's cache holds


@dataclass(frozen=True)
class CodedColumn:
    """One column of n rows, dictionary encoded.

    Attributes:
        codes: (n,) places in `values`; negative is missing.
        values: raw values as a record holds them; one that no code names is not read.
    """

    codes: npt.NDArray[np.integer[Any]]
    values: Sequence[Value]

    def __len__(self) -> int:
        return len(self.codes)


def code_column(cells: Any) -> CodedColumn:  # noqa: ANN401 - naming pyarrow's types would import it
    """Dictionary-encode a pyarrow Array or ChunkedArray, a numpy array or a sequence of raw values; None is missing."""
    if isinstance(cells, CodedColumn):
        return cells
    if hasattr(cells, "dictionary_encode") and len(cells):
        return _code_arrow(cells)
    plain = cells.tolist() if isinstance(cells, np.ndarray) else cells
    places: dict[Value, int] = {}
    codes = np.fromiter((places.setdefault(cell, len(places)) for cell in plain), np.intp, len(plain))
    return CodedColumn(codes, tuple(places))


def _code_arrow(cells: Any) -> CodedColumn:  # noqa: ANN401
    coded = cells.dictionary_encode()
    if hasattr(coded, "unify_dictionaries"):  # every chunk may have a dictionary of its own
        coded = coded.unify_dictionaries().combine_chunks()
    return CodedColumn(coded.indices.fill_null(-1).to_numpy(zero_copy_only=False), coded.dictionary.to_pylist())


def encode_table(encoder: RecordEncoder, table: Any, rows_at_once: int = ROWS_AT_ONCE) -> Iterator[Matrix]:  # noqa: ANN401
    """Encode n encounters as float32 matrices of at most `rows_at_once` rows each, in order.

    Args:
        table: a pyarrow.Table, or a mapping of column name to anything that `code_column` takes. An absent column is
            missing; one that feeds no feature is not looked at.

    Raises:
        ValueError: columns of different lengths, or a value that no rule reads; the value is not quoted.
    """
    names = table.keys() if isinstance(table, Mapping) else table.column_names
    columns = {name: code_column(table[name]) for name in names if name in encoder.layout.columns}
    n = max(map(len, columns.values()), default=0)
    if any(len(column) < n for column in columns.values()):
        raise ValueError("the columns of the table differ in length")
    absent = CodedColumn(np.broadcast_to(np.intp(-1), n), ())
    lookups = [_Lookup(effects, encoder, columns.get(name, absent)) for name, effects in encoder.layout.columns.items()]
    for start in range(0, n, rows_at_once):
        yield _encode(encoder, lookups, slice(start, min(n, start + rows_at_once)))


class _Lookup:
    """The effects of a column's values as arrays, the last place for missing.

    Attributes:
        settings: position of the vector and the (k + 1,) numbers of the k values.
        amounts: running total and the (k + 1,) amounts of the k values, where any is not 0.
    """

    def __init__(self, effects: ColumnEffects, encoder: RecordEncoder, column: CodedColumn) -> None:
        self._codes, self._missing = column.codes, len(column.values)
        used = np.zeros(self._missing + 1, bool)
        used[np.maximum(self._codes, -1)] = True  # -1 is the last place
        positions = list(effects.positions)
        cells = np.repeat(encoder.template[positions, None], len(used), axis=1)
        amounts = np.zeros((encoder.layout.totals, len(used)))
        row_of = {position: row for row, position in enumerate(positions)}
        values = (*column.values, None)
        for place in np.flatnonzero(used).tolist():
            effect = effects[values[place]]
            for position, number in effect.settings:
                cells[row_of[position], place] = number
            for total, number in effect.amounts:
                amounts[total, place] = number
        self.settings = tuple(zip(positions, cells, strict=True))
        self.amounts = tuple((total, row) for total, row in enumerate(amounts) if row.any())

    def apply(self, rows: slice, matrix: Matrix, totals: npt.NDArray[np.float64], shared: Set[int]) -> None:
        """Set the positions and add to the running totals of some rows; `shared` positions are those of flags."""
        codes = self._codes[rows]
        codes = np.where(codes < 0, self._missing, codes).astype(np.intp, copy=False)
        for position, numbers in self.settings:
            if position in shared:  # a flag that is up is larger than one that is down
                np.maximum(matrix[position], numbers[codes], out=matrix[position])
            else:
                np.take(numbers, codes, out=matrix[position], mode="clip")
        for total, numbers in self.amounts:
            totals[total] += numbers[codes]


def _encode(encoder: RecordEncoder, lookups: Sequence[_Lookup], rows: slice) -> Matrix:
    """Fill position by position, each contiguous, and turn the result around at the end."""
    count = rows.stop - rows.start
    uses = Counter(position for lookup in lookups for position, _ in lookup.settings)
    shared = {position for position, columns in uses.items() if columns > 1}
    matrix = np.repeat(encoder.template[:, None], count, axis=1)
    totals = np.zeros((encoder.layout.totals, count))
    for lookup in lookups:
        lookup.apply(rows, matrix, totals, shared)
    for joint in encoder.layout.joints:
        joined = totals[joint.first]
        if joint.second is not None:
            joined = joined / np.maximum(totals[joint.second], 1.0)
        matrix[joint.position] = (joined - joint.mean) / joint.scale
    return np.ascontiguousarray(matrix.T)
