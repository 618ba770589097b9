"""Writes two tables beside each other, the scores and the invalid rows; both appear when both are whole."""

import gzip
import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from adapters.byte_streams import Destination, check_writable, explained, remove, same_file
from adapters.table_files import format_of
from health_predict.columns import MISSING_MARKER
from health_predict.errors import InputError
from health_predict.table_columns import SPELLINGS

_ROW_GROUP = 2 << 20  # bytes in memory that make a row group of Parquet, 50,000 scores


def aside_of(uri: str) -> str:
    """Where the invalid rows go: scores.csv has scores.invalid.csv."""
    extension = len(format_of(uri))
    return f"{uri[:-extension]}.invalid{uri[-extension:]}"


def check_output(uri: str, source: str) -> None:
    """InputError if the output's format is unknown, its folder not writable, or it would replace the input."""
    check_writable(uri)
    for written in (uri, aside_of(uri)):
        if same_file(written, source):
            raise InputError(f"{source}: is the input and would be replaced by the output; give another --output")


class Outputs:
    """The two tables while they are written; `aside` is where the invalid rows are, None if there are none."""

    def __init__(self, uri: str, scores: pa.Schema, invalid: pa.Schema) -> None:
        self.aside: str | None = None
        self._uri, self._invalid_schema = uri, invalid
        self._files = [_TableFile(uri, scores)]

    def write(self, scores: pa.Table, invalid: pa.Table) -> None:
        """Append rows to both."""
        self._files[0].write(scores)
        if invalid.num_rows and self.aside is None:
            self.aside = aside_of(self._uri)
            self._files.append(_TableFile(self.aside, self._invalid_schema))
        if invalid.num_rows:
            self._files[1].write(invalid)

    def commit(self) -> None:
        """Finish both, then show both; an aside file of an earlier run does not stay beside the new scores."""
        for file in self._files:
            file.finish()
        for file in reversed(self._files):
            file.destination.commit()
        if self.aside is None:
            remove(aside_of(self._uri))

    def discard(self) -> None:
        """Leave what was there before."""
        for file in self._files:
            file.discard()


@contextmanager
def open_outputs(uri: str, scores: pa.Schema, invalid: pa.Schema) -> Iterator[Outputs]:
    """Open both for writing; they appear at the end of the block, or not at all if it fails.

    Raises:
        InputError: not writable; InfrastructureError: no space left, or object storage refused or cannot be reached.
    """
    outputs = Outputs(uri, scores, invalid)
    try:
        yield outputs
        outputs.commit()
    except BaseException:
        outputs.discard()
        raise


class _TableFile:
    def __init__(self, uri: str, schema: pa.Schema) -> None:
        self.destination = Destination(uri)
        kind = format_of(uri)
        self._uri, self._csv = uri, kind != ".parquet"
        stream = self.destination.stream
        self._gzip = gzip.GzipFile("", "wb", 5, stream, mtime=0) if kind == ".csv.gz" else None
        sink = pa.PythonFile(self._gzip or stream, mode="w")
        self._rows: list[pa.Table] = []
        try:
            with explained(uri, "written"):
                self._writer: Any = _csv_writer(sink, schema) if self._csv else _parquet_writer(sink, schema)
        except BaseException:
            self.destination.discard()
            raise

    def write(self, table: pa.Table) -> None:
        self._rows.append(_as_csv(table) if self._csv else table)
        if self._csv or sum(rows.nbytes for rows in self._rows) >= _ROW_GROUP:
            self._flush()

    def finish(self) -> None:
        self._flush()
        with explained(self._uri, "written"):
            self._writer.close()
            if self._gzip:
                self._gzip.close()
        self.destination.finish()

    def discard(self) -> None:
        with suppress(Exception):  # a writer writes when it is closed, perhaps to a full disk
            self._writer.close()
        with suppress(Exception):
            if self._gzip:
                self._gzip.close()
        self.destination.discard()

    def _flush(self) -> None:
        if self._rows:
            with explained(self._uri, "written"):
                self._writer.write_table(pa.concat_tables(self._rows))
            self._rows = []
            pa.default_memory_pool().release_unused()  # else the process grows by what one row group took


def _csv_writer(sink: pa.PythonFile, schema: pa.Schema) -> pacsv.CSVWriter:
    return pacsv.CSVWriter(sink, _as_csv(schema.empty_table()).schema)


def _parquet_writer(sink: pa.PythonFile, schema: pa.Schema) -> pq.ParquetWriter:
    return pq.ParquetWriter(sink, schema, compression="zstd")


def _as_csv(table: pa.Table) -> pa.Table:
    """Lay a table out in what CSV can say: no nested or binary cells, and what is missing as the raw file marks it."""
    columns = [_as_text(c, marked=n in SPELLINGS) for n, c in zip(table.column_names, table.columns, strict=True)]
    return pa.table(columns, names=table.column_names)


def _as_text(column: pa.ChunkedArray, *, marked: bool) -> pa.ChunkedArray | pa.Array:
    kind = column.type
    if pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        cells = column.to_pylist()
        return pa.array([None if cell is None else json.dumps(cell, default=str) for cell in cells], pa.string())
    return column.cast(pa.string()).fill_null(MISSING_MARKER) if marked else column
