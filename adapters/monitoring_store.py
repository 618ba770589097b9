"""What monitoring keeps, in the artifact store of the active stack: the stream, batches, scores, ledger and reports.

    monitoring/source.json                 where the stream comes from
    monitoring/initial.parquet             the encounters that the first model was built on
    monitoring/stream.parquet              the future encounters in arrival order
    monitoring/ledger.json                 what was done with which batch
    monitoring/scores/<batch>/<version>.parquet
    monitoring/arrivals/<batch>.json       what its outcomes said when they arrived
    monitoring/reference/<version>.parquet rows of a version's training window, for reports
    current_batch_for_monitoring/<batch>.parquet
    drift_reports/<batch>/<name>

Every file is written under another name and renamed, so that a reader never sees half of it. Outcomes leave this store
through `labelled` alone, which asks whether they have arrived.
"""

import io
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import PurePosixPath
from typing import Any

import pandas as pd
from botocore.exceptions import BotoCoreError, ClientError
from zenml.artifact_stores import BaseArtifactStore
from zenml.client import Client

from health_predict.columns import TARGET_COLUMN
from health_predict.errors import InfrastructureError, InputError
from health_predict.monitoring.ledger import Ledger
from health_predict.monitoring.maturity import matured

BATCHES, REPORTS = "current_batch_for_monitoring", "drift_reports"
_SOURCE, _INITIAL, _STREAM, _LEDGER = (
    f"monitoring/{name}" for name in ("source.json", "initial.parquet", "stream.parquet", "ledger.json")
)


@dataclass(frozen=True)
class Source:
    """Where the monitored encounters come from; another source has another ledger.

    Attributes:
        protocol, seed: how the file was split into initial and future encounters.
        rows: future encounters.
    """

    uri: str
    sha256: str
    provenance: str
    protocol: str
    seed: int
    target: str
    rows: int


@dataclass(frozen=True)
class MonitoringStore:
    """The files below the root of an artifact store."""

    files: BaseArtifactStore

    @classmethod
    def of_stack(cls) -> "MonitoringStore":
        """Return that of the active stack."""
        return cls(Client().active_stack.artifact_store)

    def source(self) -> Source | None:
        """Return where the stream comes from; None before the first batch."""
        text = self._read(_SOURCE)
        return Source(**json.loads(text)) if text else None

    def source_or_fail(self) -> Source:
        """Return where the stream comes from; InputError if monitoring has not begun."""
        source = self.source()
        if source is None:
            raise InputError("monitoring has not begun on this stack; run: python run.py --pipeline monitor")
        return source

    def begin(self, source: Source, initial: pd.DataFrame, stream: pd.DataFrame) -> None:
        """Keep the encounters that monitoring goes through; the source comes last, and says that all is there."""
        self._write_frame(_INITIAL, initial)
        self._write_frame(_STREAM, stream)
        self._write(_SOURCE, json.dumps(asdict(source), indent=1).encode())

    def initial(self) -> pd.DataFrame:
        """Return the encounters that the first model was built on, labelled."""
        return self._frame(_INITIAL)

    def stream(self) -> pd.DataFrame:
        """Return the future encounters in arrival order, to cut batches from; look at no outcome in it."""
        return self._frame(_STREAM)

    def ledger(self) -> Ledger:
        """Return what was done with which batch."""
        text = self._read(_LEDGER)
        return Ledger.from_json(text.decode()) if text else Ledger()

    def keep(self, ledger: Ledger) -> None:
        """Write the ledger."""
        self._write(_LEDGER, ledger.to_json().encode())

    def place_batch(self, batch: str, rows: pd.DataFrame) -> None:
        """Keep the rows of a batch, with their outcomes if the source has them."""
        if not self._exists(f"{BATCHES}/{batch}.parquet"):
            self._write_frame(f"{BATCHES}/{batch}.parquet", rows)

    def batch(self, batch: str) -> pd.DataFrame:
        """Return the rows of a batch without their outcomes."""
        return self._frame(f"{BATCHES}/{batch}.parquet").drop(columns=TARGET_COLUMN, errors="ignore")

    def labelled(self, batches: Sequence[str], *, current: int, delay: int) -> list[pd.DataFrame]:
        """Return the rows of batches with their outcomes.

        Args:
            current: index of the batch that is being decided; `delay` batches must have come after those asked for.

        Raises:
            InputError: the outcomes of one of them have not arrived.
        """
        arrived = {entry.batch for entry in matured(self.ledger().entries, current, delay)}
        early = [batch for batch in batches if batch not in arrived]
        if early:
            raise InputError(f"monitoring: the outcomes of batch {early[0]} have not arrived at batch {current}")
        return [self._frame(f"{BATCHES}/{batch}.parquet") for batch in batches]

    def scores(self, batch: str, version: str) -> pd.DataFrame | None:
        """Return what a model version scored a batch with: one row an encounter, in its order; None if it did not."""
        name = f"monitoring/scores/{batch}/{version}.parquet"
        return self._frame(name) if self._exists(name) else None

    def keep_scores(self, batch: str, version: str, scores: pd.DataFrame) -> None:
        """Keep the scores of a batch: encounter, raw and probability."""
        self._write_frame(f"monitoring/scores/{batch}/{version}.parquet", scores)

    def arrival(self, batch: str) -> dict[str, Any] | None:
        """Return what the outcomes of a batch said when they arrived; None if they were not looked at."""
        text = self._read(f"monitoring/arrivals/{batch}.json")
        return json.loads(text) if text else None

    def keep_arrival(self, batch: str, arrival: dict[str, Any]) -> None:
        """Keep what the outcomes of a batch said."""
        self._write(f"monitoring/arrivals/{batch}.json", json.dumps(arrival, indent=1).encode())

    def reference_rows(self, version: str) -> pd.DataFrame | None:
        """Return encounters of a version's training window, for reports; None if they were not kept yet."""
        name = f"monitoring/reference/{version}.parquet"
        return self._frame(name) if self._exists(name) else None

    def keep_reference_rows(self, version: str, rows: pd.DataFrame) -> None:
        """Keep encounters of a version's training window."""
        self._write_frame(f"monitoring/reference/{version}.parquet", rows)

    def report(self, batch: str, name: str) -> str | None:
        """Return a report of a batch; None if it was not made."""
        content = self._read(f"{REPORTS}/{batch}/{name}")
        return content.decode() if content else None

    def keep_report(self, batch: str, name: str, html: str) -> str:
        """Keep a report of a batch and return where it lies."""
        self._write(f"{REPORTS}/{batch}/{name}", html.encode())
        return self._path(f"{REPORTS}/{batch}/{name}")

    def _path(self, name: str) -> str:
        return f"{str(self.files.path).rstrip('/')}/{name}"

    def _exists(self, name: str) -> bool:
        with _explained(self.files.path):
            return bool(self.files.exists(self._path(name)))

    def _read(self, name: str) -> bytes | None:
        if not self._exists(name):
            return None
        with _explained(self.files.path), self.files.open(self._path(name), "rb") as file:
            content: bytes = file.read()
        return content

    def _frame(self, name: str) -> pd.DataFrame:
        content = self._read(name)
        if content is None:
            raise InputError(f"monitoring: {self._path(name)} is missing; restore it, or start anew (make clean)")
        return pd.read_parquet(io.BytesIO(content))

    def _write_frame(self, name: str, rows: pd.DataFrame) -> None:
        content = io.BytesIO()
        rows.to_parquet(content, index=False)
        self._write(name, content.getvalue())

    def _write(self, name: str, content: bytes) -> None:
        path = self._path(name)
        with _explained(self.files.path):
            self.files.makedirs(str(PurePosixPath(path).parent) if "://" not in path else path.rpartition("/")[0])
            with self.files.open(f"{path}.new", "wb") as file:
                file.write(content)
            self.files.rename(f"{path}.new", path, overwrite=True)


@contextmanager
def _explained(root: str) -> Iterator[None]:
    try:
        yield
    except (OSError, ClientError, BotoCoreError) as error:
        why = getattr(error, "strerror", None) or type(error).__name__
        raise InfrastructureError(
            f"the artifact store {root} failed ({why}); check that it is reachable and has space, then run it again"
        ) from error
