"""Puts the data where every machine of the stack finds it: into the artifact store of the active stack.

    raw_data/diabetic_data.csv
    processed_data/initial_train.csv, initial_validation.csv, initial_test.csv, future_data.csv
    processed_data/provenance.json   what they were made from, and how many rows they hold

A file whose content is there already, by its SHA-256, is not sent again. Rows go to the user's own store alone.
"""

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any, Protocol

import pandas as pd

from adapters.byte_streams import S3, explained
from adapters.data_source import SYNTHETIC
from health_predict.columns import MISSING_MARKER
from health_predict.errors import InputError
from health_predict.reading import CSV_NAME, RawData, csv_bytes, read_raw, unpack
from health_predict.splits import Protocol as SplitProtocol
from health_predict.splits import split

RAW = f"raw_data/{CSV_NAME}"
PROVENANCE = "processed_data/provenance.json"
_PARTS = {"train": "initial_train", "validation": "initial_validation", "test": "initial_test", "future": "future_data"}


class DataFolder(Protocol):
    """What an upload needs of an artifact store; every method raises InfrastructureError of one line."""

    def uri(self, name: str) -> str:
        """Return where `name` lies."""

    def check(self) -> None:
        """Fail if nothing can be put there."""

    def sha256(self, name: str) -> str | None:
        """Return the SHA-256 of what is there under `name`; None if that is nothing, or not known."""

    def put(self, file: Path, name: str, sha256: str, sent: Callable[[int], None]) -> None:
        """Put a file there, whole or not at all; `sent` is told the bytes of each piece."""


@dataclass(frozen=True)
class Uploaded:
    """One file in the store: its place, its size in bytes, and whether this upload had to send it."""

    uri: str
    sha256: str
    size: int
    sent: bool


@dataclass(frozen=True)
class LocalFolder:
    """The artifact folder of a stack on this machine."""

    root: Path

    def uri(self, name: str) -> str:
        """Return the path of `name`."""
        return str(self.root / name)

    def check(self) -> None:
        """Make the folder; fail if that is not possible."""
        with explained(str(self.root), "written"):
            self.root.mkdir(parents=True, exist_ok=True)

    def sha256(self, name: str) -> str | None:
        """Read the file and return its SHA-256; None if there is none."""
        path = self.root / name
        if not path.is_file():
            return None
        with explained(str(path), "read"):
            return _sha256(path)

    def put(self, file: Path, name: str, sha256: str, sent: Callable[[int], None]) -> None:  # noqa: ARG002
        """Copy the file, and show it under its name when it is whole."""
        target = self.root / name
        with explained(str(target), "written"):
            target.parent.mkdir(parents=True, exist_ok=True)
            copy = Path(shutil.copyfile(file, target.with_name(f".{target.name}.part")))
            copy.replace(target)
        sent(file.stat().st_size)


def folder_of_stack() -> DataFolder:
    """Return the artifact store of the active stack; InputError if it is neither a folder here nor S3."""
    from zenml.client import Client

    stack = Client().active_stack
    store = stack.artifact_store
    if store.flavor == "s3":
        from adapters.object_storage import Bucket  # boto3 costs a second that a local run need not pay

        return Bucket.of_store(store)
    if store.flavor == "local":
        return LocalFolder(Path(store.path))
    raise InputError(f"stack {stack.name}: its artifact store has flavor {store.flavor}, not one of local, s3")


def prepare_files(
    uri: str, folder: Path, *, seed: int, protocol: SplitProtocol
) -> tuple[RawData, dict[str, pd.DataFrame]]:
    """Write the raw file and the four parts into `folder`, under the names that they get in the store.

    Returns:
        the raw data, its source named as the user named it, and the rows of each part by file name.

    Raises:
        InputError: the file cannot be read, breaks the declaration, or is the synthetic sample.
    """
    for name in (RAW, PROVENANCE):
        (folder / name).parent.mkdir(parents=True)
    (folder / RAW).write_bytes(_csv_at(uri))
    raw = read_raw(folder / RAW)
    splits = split(raw.frame, seed=seed, protocol=protocol)
    parts = {f"processed_data/{file}.csv": getattr(splits, part) for part, file in _PARTS.items()}
    for name, rows in parts.items():
        rows.to_csv(folder / name, index=False, na_rep=MISSING_MARKER)
    return raw, parts


def write_provenance(folder: Path, raw: RawData, source: str, parts: dict[str, pd.DataFrame], **how: Any) -> None:  # noqa: ANN401
    """Write what the files in `folder` were made from; no time stands there, so that the same data is the same file."""
    rows = {RAW: len(raw.frame), **{name: len(frame) for name, frame in parts.items()}}
    files = {name: {"rows": count, "sha256": _sha256(folder / name)} for name, count in rows.items()}
    facts = {"source": source, "provenance": raw.provenance, "sha256": raw.sha256, **how, "files": files}
    (folder / PROVENANCE).write_text(json.dumps(facts, indent=1) + "\n")


def send(folder: Path, store: DataFolder, report: Callable[[int, int, str], None]) -> list[Uploaded]:
    """Put every file below `folder` into the store, the provenance last; those that are there already are left alone.

    Args:
        report: told kilobytes done, kilobytes in all, and which file is on its way.
    """
    names = [str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()]
    names.sort(key=lambda name: (name == PROVENANCE, name))  # it speaks of files that are there
    progress = _Progress(report, sum((folder / name).stat().st_size for name in names))
    uploaded = []
    for name in names:
        file, sha256 = folder / name, _sha256(folder / name)
        known = store.sha256(name) == sha256
        if known:
            progress.add(name, file.stat().st_size)
        else:
            store.put(file, name, sha256, partial(progress.add, name))
        uploaded.append(Uploaded(store.uri(name), sha256, file.stat().st_size, sent=not known))
    return uploaded


@dataclass
class _Progress:
    """Bytes of `whole` that are done; parts of a file are sent by several threads."""

    report: Callable[[int, int, str], None]
    whole: int
    done: int = 0
    lock: Lock = field(default_factory=Lock)

    def add(self, name: str, size: int) -> None:
        with self.lock:
            self.done += size
            self.report(self.done // 1000, self.whole // 1000, f"kB, {name}")


def _csv_at(uri: str) -> bytes:
    if uri == SYNTHETIC:
        raise InputError(
            "the synthetic sample is not uploaded: from the store it would pass for patients' data; "
            "give --data the UCI zip or a CSV"
        )
    if uri.startswith(S3):
        from adapters.object_storage import read_object

        return unpack(read_object(uri), uri)
    return csv_bytes(Path(uri))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
