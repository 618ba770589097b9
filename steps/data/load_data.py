"""Reads the encounters and splits them in arrival order, the initial part by patient."""

import logging
from typing import Annotated, Any

import pandas as pd
from zenml import step

from adapters.data_source import open_source
from health_predict.columns import PATIENT
from health_predict.splits import Protocol, split

LOG = logging.getLogger("health_predict.steps")


@step
def load_data(
    uri: str, sha256: str, seed: int, protocol: Protocol
) -> tuple[
    Annotated[pd.DataFrame, "initial_train"],
    Annotated[pd.DataFrame, "initial_validation"],
    Annotated[pd.DataFrame, "initial_test"],
    Annotated[pd.DataFrame, "future"],
    Annotated[dict[str, Any], "data_summary"],
]:
    """Read, check and split the data; `sha256` makes the cache notice that a file has changed."""
    raw = open_source(uri)
    if raw.sha256 != sha256:
        raise RuntimeError(f"{raw.source} changed while the run was starting; run it again")
    splits = split(raw.frame, seed=seed, protocol=protocol)
    summary = {
        "source": raw.source,
        "provenance": raw.provenance,
        "sha256": raw.sha256,
        "encounters": len(raw.frame),
        "patients": int(raw.frame[PATIENT].nunique()),
        "rows": {name: len(part) for name, part in vars(splits).items()},
    }
    LOG.info("data: %s", ", ".join(f"{rows:,} {name}" for name, rows in summary["rows"].items()))
    return splits.train, splits.validation, splits.test, splits.future, summary
