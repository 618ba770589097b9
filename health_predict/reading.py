"""Reads the raw file, CSV or the UCI zip, into a checked frame; every failure is one line that names file and cure."""

import hashlib
import io
import lzma
import re
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pandas as pd

from health_predict.columns import MISSING_MARKER
from health_predict.errors import InputError
from health_predict.schema import validate

CSV_NAME = "diabetic_data.csv"
# of diabetic_data.csv as UCI publishes it in data set 296, measured on the published archive
UCI_SHA256 = "0689e7ec031237dc63031b938805c48377748761a3b26acab621567afa24df97"

Provenance = Literal["uci", "file", "synthetic"]


@dataclass(frozen=True)
class RawData:
    """A checked raw frame and where it comes from.

    Attributes:
        frame: the declared columns, whole numbers as int64, the rest as str, missing as NaN.
        sha256: of the CSV's bytes.
        provenance: uci when the checksum is that of the published file, synthetic for a drawn sample, else file.
    """

    frame: pd.DataFrame
    sha256: str
    provenance: Provenance
    source: str


def read_raw(path: Path) -> RawData:
    """Read and check a CSV or a zip that holds diabetic_data.csv.

    Raises:
        InputError: unreadable path, truncated or wrong zip, not a CSV, or content that breaks the declaration.
    """
    content = csv_bytes(path)
    sha256 = hashlib.sha256(content).hexdigest()
    frame = validate(parse_csv(content, path.name), path.name)
    return RawData(frame, sha256, "uci" if sha256 == UCI_SHA256 else "file", path.name)


def csv_bytes(path: Path) -> bytes:
    """Return the bytes of the CSV in `path`, unpacked if it is a zip."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; give --data a CSV, the UCI zip or s3://bucket/key") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check its path and permissions") from None
    return unpack(content, str(path))


def unpack(content: bytes, source: str) -> bytes:
    """Return the CSV in the bytes of `source`, which are a CSV or a zip that holds one; InputError if there is none."""
    if content[:2] == b"PK" or source.endswith(".zip"):
        content = _unzip(content, Path(source).name)
    if not content.strip():
        raise InputError(f"{source}: the file is empty; download it again")
    return content


def _unzip(content: bytes, name: str) -> bytes:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = [member for member in archive.namelist() if Path(member).name == CSV_NAME]
            if not members:
                raise InputError(f"{name}: the zip holds no {CSV_NAME}; give the archive of UCI data set 296")
            return archive.read(members[0])
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, NotImplementedError, ValueError):
        raise InputError(f"{name}: truncated or broken zip; download it again") from None
    except RuntimeError:
        raise InputError(f"{name}: the zip is encrypted; give it without a password") from None


def parse_csv(content: bytes, name: str) -> pd.DataFrame:
    """Parse CSV bytes into strings, with "?" alone as missing."""
    try:
        frame = pd.read_csv(io.BytesIO(content), dtype=str, na_values=[MISSING_MARKER], keep_default_na=False)
    except ValueError as error:  # of which those of the parser and of the decoder are kinds
        line = re.search(r"in line \d+", str(error))
        where = f" {line.group()}" if line else ""
        raise InputError(f"{name}: not a readable CSV{where} (UTF-8, comma separated, one header line)") from None
    if not isinstance(frame.index, pd.RangeIndex):  # pandas takes surplus leading fields for an index
        raise InputError(f"{name}: {len(frame):,} rows with more fields than the header; export the file again")
    if frame.empty:
        raise InputError(f"{name}: a header but no rows; give a file with encounters")
    return frame
