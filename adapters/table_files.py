"""Tables in CSV (also gzipped) and Parquet, local or on s3://, read chunk by chunk in bounded memory by pyarrow."""

import codecs
import gzip
import zlib
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import BinaryIO, Literal, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from adapters.byte_streams import Source, explained, reading
from health_predict.batch_scoring import Chunk, UnreadableRow
from health_predict.errors import InputError
from health_predict.table_columns import SPELLINGS

Format = Literal[".csv", ".csv.gz", ".parquet"]
FORMATS: tuple[Format, ...] = (".csv", ".csv.gz", ".parquet")
CHUNK_ROWS = 8192
CSV_BLOCK = 1 << 19  # bytes, about 2,700 encounters; no line may be longer, and pyarrow reads 32 of them ahead
# what pyarrow can read, but can neither take rows of nor encode
_COMPUTABLE = {pa.string_view(): pa.string(), pa.binary_view(): pa.binary(), pa.float16(): pa.float32()}
_COLUMN_BUFFER = 1 << 17  # bytes of each Parquet column that are read at once


class Table(Protocol):
    """An open table, to be read once."""

    schema: pa.Schema
    has_lines: bool  # whether a row may be one that has no columns, only a line

    def chunks(self) -> Iterator[Chunk]:
        """Read it to its end; InputError if it is broken, naming the file."""

    def share_read(self) -> float:
        """How much of it has been read, 0..1."""


def format_of(uri: str) -> Format:
    """Tell the format by the extension; InputError if it is another one."""
    name = PurePosixPath(uri).name.lower()
    for known in sorted(FORMATS, key=len, reverse=True):
        if name.endswith(known) and name != known:
            return known
    raise InputError(f"{uri}: the extension says the format; give one of {', '.join(FORMATS)}")


@contextmanager
def open_table(uri: str, *, chunk_rows: int = CHUNK_ROWS, csv_block: int = CSV_BLOCK) -> Iterator[Table]:
    """Open a table.

    Args:
        chunk_rows: rows of a chunk of Parquet; csv_block: bytes of a chunk of CSV.

    Raises:
        InputError: not there, not readable, empty or not of the format that its extension says.
    """
    kind = format_of(uri)
    with reading(uri, at_random=kind == ".parquet") as source:
        if kind == ".parquet":
            yield _ParquetTable(uri, source, chunk_rows)
        else:
            yield _CsvTable(uri, source, csv_block, gzipped=kind == ".csv.gz")


class _CsvTable:
    """Every column as text; those of the declared fields dictionary-encoded."""

    has_lines = True

    def __init__(self, uri: str, source: Source, block: int, *, gzipped: bool) -> None:
        self._uri, self._size, self._position = uri, source.size, 0
        self._set_aside: list[UnreadableRow] = []
        self._blocks = _Blocks(source.stream, gzip.GzipFile(fileobj=source.stream) if gzipped else source.stream)
        coded = pa.dictionary(pa.int32(), pa.string())
        with _csv_explained(uri):
            self._reader = pacsv.open_csv(
                pa.PythonFile(self._blocks, mode="r"),
                read_options=pacsv.ReadOptions(block_size=block, use_threads=False),
                parse_options=pacsv.ParseOptions(newlines_in_values=True, invalid_row_handler=self._put_aside),
                convert_options=pacsv.ConvertOptions(
                    column_types=dict.fromkeys(SPELLINGS, coded),
                    default_column_type=pa.string(),
                    strings_can_be_null=False,
                    check_utf8=False,  # the blocks have been checked
                ),
            )
            self.schema: pa.Schema = self._reader.schema

    def chunks(self) -> Iterator[Chunk]:
        """See Table."""
        following = 1  # the number of the next row
        while (batch := self._next()) is not None:
            rows, following = self._numbers(following, batch.num_rows)
            yield Chunk(rows, pa.Table.from_batches([batch]), self._taken(before=following))
        if self._set_aside:
            yield Chunk(np.empty(0, np.int64), self.schema.empty_table(), self._taken(before=None))

    def share_read(self) -> float:
        """See Table."""
        return self._position / max(self._size, 1)

    def _next(self) -> pa.RecordBatch | None:
        with _csv_explained(self._uri):
            try:
                batch = self._reader.read_next_batch()
            except StopIteration:
                return None
        if self._blocks.ends:
            self._position = self._blocks.ends.popleft()
        return batch

    def _put_aside(self, row: pacsv.InvalidRow) -> str:
        problem = f"the row has {row.actual_columns} fields, the header {row.expected_columns}"
        self._set_aside.append(UnreadableRow(row.number - 1, problem, row.text))  # the header is number 1
        return "skip"

    def _numbers(self, following: int, count: int) -> tuple[np.ndarray[tuple[int], np.dtype[np.int64]], int]:
        """Number `count` rows from `following` on, over those put aside, which have numbers of their own."""
        aside = {row.row for row in self._set_aside}
        end = following + count
        for row in sorted(aside):
            if row >= end:
                break
            end += 1
        rows = np.arange(following, end, dtype=np.int64)
        return rows[~np.isin(rows, list(aside))] if aside else rows, end

    def _taken(self, before: int | None) -> tuple[UnreadableRow, ...]:
        taken = [row for row in self._set_aside if before is None or row.row < before]
        self._set_aside = self._set_aside[len(taken) :]
        return tuple(taken)


class _ParquetTable:
    has_lines = False

    def __init__(self, uri: str, source: Source, chunk_rows: int) -> None:
        self._uri, self._chunk_rows, self._read = uri, chunk_rows, 0
        with _parquet_explained(uri):
            metadata = pq.read_metadata(source.stream)
            schema = metadata.schema.to_arrow_schema()
            texts = [f.name for f in schema if f.name in SPELLINGS and pa.types.is_string(f.type)]
            # without a buffer size, every column of a row group would be loaded whole
            self._file = pq.ParquetFile(
                source.stream, metadata=metadata, read_dictionary=texts, buffer_size=_COLUMN_BUFFER, pre_buffer=False
            )
        fields = self._file.schema_arrow
        self.schema = pa.schema([(f.name, _COMPUTABLE.get(f.type, f.type)) for f in fields])

    def chunks(self) -> Iterator[Chunk]:
        """See Table."""
        batches = self._file.iter_batches(batch_size=self._chunk_rows, use_threads=False)
        while (batch := self._next(batches)) is not None:
            rows = np.arange(self._read + 1, self._read + batch.num_rows + 1, dtype=np.int64)
            self._read += batch.num_rows
            yield Chunk(rows, pa.Table.from_batches([batch]).cast(self.schema))

    def share_read(self) -> float:
        """See Table."""
        return self._read / max(self._file.metadata.num_rows, 1)

    def _next(self, batches: Iterator[pa.RecordBatch]) -> pa.RecordBatch | None:
        with _parquet_explained(self._uri):
            return next(batches, None)


@dataclass
class _Blocks:
    """Reads a text block by block, checks that it is UTF-8, which pyarrow does not do everywhere, and ends it in a
    newline, without which pyarrow refuses a header alone.

    Attributes:
        ends: where in the file each block ended that has been read ahead.
    """

    file: BinaryIO
    text: BinaryIO | gzip.GzipFile
    ends: deque[int] = field(default_factory=deque, init=False)
    _decoder: codecs.IncrementalDecoder = field(default_factory=codecs.getincrementaldecoder("utf-8"), init=False)
    closed: bool = field(default=False, init=False)
    _last: bytes = field(default=b"", init=False)

    def read(self, size: int) -> bytes:
        """Read `size` bytes, or at the end of the stream what is left, with the newline."""
        content = self.text.read(size)
        self._decoder.decode(content, final=len(content) < size)
        self.ends.append(self.file.tell())
        self._last = content[-1:] or self._last
        if len(content) < size and self._last not in (b"", b"\n"):
            content += b"\n"
            self._last = b"\n"
        return content

    def close(self) -> None:
        """The file belongs to the caller."""
        self.closed = True


@contextmanager
def _csv_explained(uri: str) -> Iterator[None]:
    """The messages of pyarrow are not passed on: they may quote a line."""
    try:
        with explained(uri, "read"):
            yield
    except UnicodeDecodeError:
        raise InputError(f"{uri}: not in UTF-8; save it as CSV UTF-8") from None
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise InputError(f"{uri}: truncated or not gzipped; copy it again") from None
    except pa.ArrowInvalid as error:
        raise InputError(f"{uri}: {_csv_problem(str(error))}") from None


def _csv_problem(message: str) -> str:
    if "straddling" in message:
        return f"a quote that is never closed, or a line over {CSV_BLOCK >> 10} KiB; correct the line"
    if "Empty CSV" in message:
        return "the file is empty; give one with a header line"
    return "not a readable CSV (UTF-8, comma separated, one header line); export it again"


@contextmanager
def _parquet_explained(uri: str) -> Iterator[None]:
    try:
        with explained(uri, "read"):
            yield
    except (pa.ArrowException, OSError, UnicodeDecodeError):
        raise InputError(f"{uri}: truncated, or not a readable Parquet file; write it again") from None
