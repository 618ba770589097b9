"""Encounters and scores without drift, invented from the declaration."""

import numpy as np
import pandas as pd

from health_predict.columns import COLUMNS, PATIENT
from health_predict.records import generate_records


def encounters(count: int, seed: int) -> pd.DataFrame:
    """Encounters without drift: the same declared values for every seed, and a patient each."""
    records = generate_records(count, seed, columns=COLUMNS)
    frame = pd.DataFrame({column.name: [record[column.name] for record in records] for column in COLUMNS})
    return frame.assign(**{PATIENT: np.arange(count) + seed * 1_000_000 + 1})


def outcomes(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Calibrated scores, and outcomes that follow them."""
    rng = np.random.default_rng(seed)
    score = rng.beta(4, 4, count)
    return (rng.random(count) < score).astype(np.int8), score
