"""Scores a table chunk by chunk: every row ends either among the scores or, with the reason, among the invalid rows."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from health_predict.privacy import SMALLEST_GROUP
from health_predict.scorer import Scorer
from health_predict.table_columns import CellReader, Cells, TableLayout
from health_predict.table_encoder import CodedColumn

WHOLE_ROW = "(row)"  # the field of a row that could not be split into columns
ROW, PREDICTION, PROBABILITY, VERSION = "row", "prediction", "probability_score", "model_version"
FIELD, PROBLEM, LINE = "field", "problem", "line"


@dataclass(frozen=True)
class UnreadableRow:
    """A row of a text file that has too few or too many fields; `line` is its whole text."""

    row: int
    problem: str
    line: str


@dataclass(frozen=True)
class Chunk:
    """Some rows of a table.

    Attributes:
        rows: (n,) their numbers among all rows of the table, counted from 1.
        table: n rows with every column.
        unreadable: further rows, which have no columns.
    """

    rows: npt.NDArray[np.int64]
    table: pa.Table
    unreadable: tuple[UnreadableRow, ...] = ()


@dataclass(frozen=True)
class ScoredChunk:
    """Scores and invalid rows of a chunk, in the schemas of the scorer; `fields` counts the invalid rows by field."""

    scores: pa.Table
    invalid: pa.Table
    fields: Mapping[str, int]


class TableScorer:
    """Scores the chunks of one table with one model version.

    Attributes:
        scores_schema: row, the table's identifiers, prediction, probability_score, model_version.
        invalid_schema: every column of the table, then row, field, problem and, where `has_lines`, the line of a row
            that has no columns.
    """

    def __init__(
        self, scorer: Scorer, version: str, schema: pa.Schema, *, layout: TableLayout, has_lines: bool
    ) -> None:
        self._scorer, self._version, self._layout = scorer, version, layout
        self._readers = {field: CellReader(field) for field in layout.sources}
        own = [(ROW, pa.int64()), (FIELD, pa.string()), (PROBLEM, pa.string()), (LINE, pa.string())]
        own = [(_free_name(name, schema.names), kind) for name, kind in own[: 4 if has_lines else 3]]
        self._row = own[0][0]
        self.scores_schema = pa.schema(
            [
                (ROW, pa.int64()),
                *((key, _plain_type(schema.field(key).type)) for key in layout.keys),
                (PREDICTION, pa.int8()),
                (PROBABILITY, pa.float64()),
                (VERSION, pa.string()),
            ]
        )
        self.invalid_schema = pa.schema([*((f.name, _plain_type(f.type)) for f in schema), *own])

    def score(self, chunk: Chunk) -> ScoredChunk:
        """Check and score one chunk."""
        cells = {f: reader.read(_column(chunk.table, self._layout.sources[f])) for f, reader in self._readers.items()}
        problems = _problems(cells)
        valid = np.ones(len(chunk.rows), bool)
        valid[list(problems)] = False
        invalid = self._invalid(chunk, problems)
        counts = Counter(field for found in problems.values() for field in found)
        if chunk.unreadable:
            counts[WHOLE_ROW] += len(chunk.unreadable)
        return ScoredChunk(self._scores(chunk, cells, valid), invalid, counts)

    def _scores(self, chunk: Chunk, cells: Mapping[str, Cells], valid: npt.NDArray[np.bool_]) -> pa.Table:
        chosen = np.flatnonzero(valid)
        inputs = {f: CodedColumn(c.coded.codes[chosen], c.coded.values) for f, c in cells.items()}
        probabilities = self._scorer.probabilities_of_table(inputs) if len(chosen) else np.empty(0)
        return pa.table(
            [
                pa.array(chunk.rows[chosen]),
                *(_column(chunk.table, key).take(pa.array(chosen)) for key in self._layout.keys),
                pa.array((probabilities >= self._scorer.threshold).astype(np.int8)),
                pa.array(probabilities),
                pa.array([self._version] * len(chosen), pa.string()),
            ],
            names=self.scores_schema.names,
        ).cast(self.scores_schema)

    def _invalid(self, chunk: Chunk, problems: Mapping[int, Mapping[str, str]]) -> pa.Table:
        """The rows as they were given, so that they can be corrected and scored again."""
        chosen = sorted(problems)
        table = chunk.table.take(pa.array(chosen, pa.int64()))
        why = [
            (int(chunk.rows[at]), "; ".join(problems[at]), "; ".join(f"{f} {p}" for f, p in problems[at].items()), None)
            for at in chosen
        ]
        readable = _with_reasons(table, why, self.invalid_schema)
        if not chunk.unreadable:
            return readable
        nothing = pa.table({f.name: pa.nulls(len(chunk.unreadable), f.type) for f in table.schema})
        lines = [(unreadable.row, WHOLE_ROW, unreadable.problem, unreadable.line) for unreadable in chunk.unreadable]
        both = pa.concat_tables([readable, _with_reasons(nothing, lines, self.invalid_schema)])
        return both.sort_by(self._row)


@dataclass(frozen=True)
class ScoringSummary:
    """What may be told about a scored table.

    Attributes:
        fields: invalid rows by field; a row with two invalid fields counts in both.
        mean_score, share_predicted: None under eleven scored rows.
    """

    version: str
    rows: int
    scored: int
    invalid: int
    fields: Mapping[str, int]
    mean_score: float | None
    share_predicted: float | None

    def as_dict(self) -> dict[str, Any]:
        """As JSON takes it."""
        return {**asdict(self), "fields": dict(self.fields)}


class Tally:
    """Adds up what a summary tells."""

    def __init__(self, version: str) -> None:
        self._version = version
        self._fields: Counter[str] = Counter()
        self.scored = self.invalid = self._predicted = 0
        self._sum = 0.0

    @property
    def rows(self) -> int:
        """How many rows have been counted."""
        return self.scored + self.invalid

    def counted(self, chunk: ScoredChunk) -> tuple[pa.Table, pa.Table]:
        """Add a chunk and return its scores and its invalid rows."""
        self.scored += chunk.scores.num_rows
        self.invalid += chunk.invalid.num_rows
        self._fields.update(chunk.fields)
        self._sum += float(np.sum(chunk.scores[PROBABILITY].to_numpy()))
        self._predicted += int(np.sum(chunk.scores[PREDICTION].to_numpy()))
        return chunk.scores, chunk.invalid

    def summary(self) -> ScoringSummary:
        """The summary of what has been counted."""
        enough = self.scored >= SMALLEST_GROUP
        return ScoringSummary(
            version=self._version,
            rows=self.rows,
            scored=self.scored,
            invalid=self.invalid,
            fields=dict(self._fields.most_common()),
            mean_score=self._sum / self.scored if enough else None,
            share_predicted=self._predicted / self.scored if enough else None,
        )


def _problems(cells: Mapping[str, Cells]) -> dict[int, dict[str, str]]:
    """Per invalid row (its place in the chunk), the reasons by field."""
    problems: dict[int, dict[str, str]] = {}
    for field, found in cells.items():
        refused = np.array([reason is not None for reason in found.reasons])
        if not refused.any():
            continue
        for at in np.flatnonzero(refused[found.coded.codes]):
            problems.setdefault(int(at), {})[field] = str(found.reasons[found.coded.codes[at]])
    return problems


def _with_reasons(table: pa.Table, reasons: list[tuple[Any, ...]], schema: pa.Schema) -> pa.Table:
    added = schema.names[len(table.schema.names) :]
    columns = [pa.array([reason[i] for reason in reasons], schema.field(name).type) for i, name in enumerate(added)]
    plain = [column.cast(schema.field(i).type) for i, column in enumerate(table.columns)]
    return pa.table([*plain, *columns], schema=schema)


def _column(table: pa.Table, name: str) -> pa.Array:
    column = table[name]
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _plain_type(kind: pa.DataType) -> pa.DataType:
    """The dictionaries of two chunks differ, so that a written column has none."""
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _free_name(name: str, taken: list[str]) -> str:
    return name if name not in taken else _free_name(f"new_{name}", taken)
