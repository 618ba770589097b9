"""Reads a file of encounters, CSV, UCI zip or Parquet, from disk or s3://, with every value as text."""

import hashlib
import io
from dataclasses import dataclass

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from adapters.byte_streams import explained, reading
from health_predict.columns import MISSING_MARKER
from health_predict.errors import InputError
from health_predict.reading import parse_csv, unpack


@dataclass(frozen=True)
class EncounterFile:
    """A file as it was read.

    Attributes:
        strings: every column as str, missing as NaN.
        sha256: of the CSV's bytes, or of the Parquet file.
    """

    source: str
    strings: pd.DataFrame
    sha256: str


def read_encounters(uri: str) -> EncounterFile:
    """Read a path or s3://bucket/key whole; what is in it is not checked.

    Raises:
        InputError: not there, not readable, without rows or not of its format; InfrastructureError: no object storage.
    """
    with reading(uri) as source, explained(uri, "read"):
        content = source.stream.read()
    if uri.lower().endswith(".parquet") or content[:4] == b"PAR1":
        strings = _of_parquet(content, uri)
    else:
        content = unpack(content, uri)
        strings = parse_csv(content, uri)
    return EncounterFile(uri, strings, hashlib.sha256(content).hexdigest())


def _of_parquet(content: bytes, uri: str) -> pd.DataFrame:
    try:
        table = pq.read_table(io.BytesIO(content))
    except (pa.ArrowException, OSError):
        raise InputError(f"{uri}: truncated, or not a readable Parquet file; write it again") from None
    if table.num_rows == 0:
        raise InputError(f"{uri}: columns but no rows; give a file with encounters")
    columns = zip(table.column_names, table.columns, strict=True)
    return pd.DataFrame({name: _as_text(column, name, uri) for name, column in columns})


def _as_text(column: pa.ChunkedArray, name: str, uri: str) -> "pd.Series[str]":
    try:
        text = column.cast(pa.string()).to_pandas().astype(object)
    except (pa.ArrowException, UnicodeDecodeError):
        raise InputError(f"{uri}: column '{name}' holds neither text nor numbers ({column.type}); write text") from None
    return text.where(text.notna() & (text != MISSING_MARKER))
