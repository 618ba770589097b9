"""Reads what a retrain learns from and what it is judged by: initial encounters and batches whose outcomes arrived."""

import hashlib
import logging
from collections.abc import Sequence
from typing import Annotated, Any

import pandas as pd
from zenml import step

from adapters.monitoring_store import MonitoringStore, Source
from health_predict.columns import PATIENT
from health_predict.errors import InputError
from health_predict.monitoring.renewal import RenewalRequest
from health_predict.monitoring.retraining import RetrainingData, retraining_data
from health_predict.splits import hold_out

LOG = logging.getLogger("health_predict.steps")


@step(enable_cache=False)
def load_matured(
    request: dict[str, Any], seed: int
) -> tuple[
    Annotated[pd.DataFrame, "retrain_train"],
    Annotated[pd.DataFrame, "retrain_validation"],
    Annotated[pd.DataFrame, "judge"],
    Annotated[dict[str, Any], "data_summary"],
]:
    """Return train and validation, which share no patient with the newest matured encounters, and these."""
    asked, store = RenewalRequest.from_dict(request), MonitoringStore.of_stack()
    batches = store.labelled(asked.matured, current=asked.current, delay=asked.delay)
    data = retraining_data(store.initial(), batches, judges=asked.judges)
    if data.missing:
        raise InputError(f"{asked.trigger}: {data.missing}")
    train, validation = hold_out(data.train, seed=seed)
    summary = _summary(store.source_or_fail(), asked.matured, data) | {"tags": _injected(store, asked.matured)}
    LOG.info("retrain: %s encounters, %s to judge by", f"{len(data.train):,}", f"{len(data.judge):,}")
    return train, validation, data.judge, summary


def _injected(store: MonitoringStore, batches: Sequence[str]) -> dict[str, str]:
    """A model that learnt from a demonstration says so for ever."""
    ledger = store.ledger()
    shifts = {entry.records["seen"]["shift"] for entry in ledger.entries if entry.batch in batches} - {None}
    return {"injected_shifts": ", ".join(sorted(shifts))} if shifts else {}


def _summary(source: Source, batches: Sequence[str], data: RetrainingData) -> dict[str, Any]:
    """The fingerprint is that of the source with the ids of the batches, which are hashes of their rows."""
    fingerprint = hashlib.sha256("\n".join([source.sha256, *batches]).encode()).hexdigest()
    everyone = pd.concat([data.train[PATIENT], data.judge[PATIENT]])
    return {
        "source": source.uri,
        "provenance": source.provenance,
        "sha256": fingerprint,
        "encounters": len(everyone),
        "patients": int(everyone.nunique()),
        "rows": {"train": len(data.train), "judge": len(data.judge)},
    }
