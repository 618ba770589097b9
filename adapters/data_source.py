"""Finds the data: what the user names, else the cache, else a download from UCI, else the synthetic sample."""

import hashlib
import tempfile
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from health_predict.errors import InputError
from health_predict.reading import CSV_NAME, UCI_SHA256, RawData, csv_bytes, read_raw
from health_predict.synthesis.margins import COMMITTED
from health_predict.synthetic import sample_encounters

VARIABLE = "HEALTH_PREDICT_DATA"
UCI_URL = "https://archive.ics.uci.edu/static/public/296/diabetes+130-us+hospitals+for+years+1999-2008.zip"
SYNTHETIC = "synthetic"
SYNTHETIC_ROWS, SYNTHETIC_SEED = 101_766, 0  # as many encounters as the real file
_LARGEST_DOWNLOAD = 100_000_000
_TIMEOUT = 15  # seconds without an answer


@dataclass(frozen=True)
class DataSource:
    """Where the encounters are: `uri` is a path, s3://bucket/key or "synthetic"; `how` tells the user."""

    uri: str
    how: str


def locate(option: str | None, environment: Mapping[str, str], cache: Path, url: str = UCI_URL) -> DataSource:
    """Find the data in the documented order.

    Args:
        option: what --data says, or None.
        environment: where HEALTH_PREDICT_DATA may stand.
        cache: the folder where a download is kept.
    """
    if option:
        return DataSource(_absolute(option), "--data")
    if environment.get(VARIABLE):
        return DataSource(_absolute(environment[VARIABLE]), VARIABLE)
    cached = cache / CSV_NAME
    if cached.is_file():
        return DataSource(str(cached), "the cache")
    if _download(url, cached):
        return DataSource(str(cached), "a download from UCI, kept in the cache")
    return DataSource(SYNTHETIC, "no file given and UCI not reachable")


def open_source(uri: str) -> RawData:
    """Read and check the encounters at `uri`.

    Raises:
        InputError: see `read_raw`; InfrastructureError: object storage cannot be reached.
    """
    if uri == SYNTHETIC:
        frame = sample_encounters(SYNTHETIC_ROWS, SYNTHETIC_SEED)
        fingerprint = hashlib.sha256(COMMITTED.read_bytes()).hexdigest()
        return RawData(frame, fingerprint, "synthetic", SYNTHETIC)
    if not uri.startswith("s3://"):
        return read_raw(Path(uri))
    from adapters.object_storage import read_object  # boto3 costs a second that a local run need not pay

    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / Path(uri).name
        copy.write_bytes(read_object(uri))
        return read_raw(copy)


def _absolute(location: str) -> str:
    """A step may run in another working directory."""
    return location if location.startswith("s3://") or location == SYNTHETIC else str(Path(location).resolve())


def _download(url: str, target: Path) -> bool:
    """Fetch the archive and keep its CSV if it is the published one; False if it cannot be had."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        archive = Path(folder) / "download.zip"
        try:
            with urllib.request.urlopen(url, timeout=_TIMEOUT) as answer:  # noqa: S310 - a constant https address
                archive.write_bytes(answer.read(_LARGEST_DOWNLOAD))
            content = csv_bytes(archive)
        except (urllib.error.URLError, OSError, InputError):
            return False
        if hashlib.sha256(content).hexdigest() != UCI_SHA256:
            return False
        complete = Path(folder) / CSV_NAME
        complete.write_bytes(content)
        complete.replace(target)  # atomic: a reader never sees half a file
    return True
