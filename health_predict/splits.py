"""Arrival order, the initial and future parts, and the split of the initial part by patient."""

import hashlib
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from health_predict.columns import ENCOUNTER, PATIENT
from health_predict.errors import InputError

# expired or in hospice: no readmission can follow (IDs_mapping.csv)
NOT_AT_RISK = (11, 13, 14, 19, 20, 21)
INITIAL_SHARE = 0.2
TRAIN_SHARE, VALIDATION_SHARE = 0.70, 0.15
FEWEST_PATIENTS = 50  # below this a split by patient leaves parts that nothing can be measured on

Protocol = Literal["time", "random"]


@dataclass(frozen=True)
class Splits:
    """The four parts of the file; nobody in train, validation or test is in another of the three."""

    train: pd.DataFrame
    validation: pd.DataFrame
    test: pd.DataFrame
    future: pd.DataFrame


def arrival_order(frame: pd.DataFrame) -> pd.DataFrame:
    """Sort stably by encounter_id, which rises in time (the exploration page shows the evidence)."""
    return frame.sort_values(ENCOUNTER, kind="stable", ignore_index=True)


def at_risk(frame: pd.DataFrame) -> pd.DataFrame:
    """Drop encounters that ended in death or hospice."""
    return frame[~frame["discharge_disposition_id"].isin(NOT_AT_RISK)].reset_index(drop=True)


def split(frame: pd.DataFrame, *, seed: int, protocol: Protocol = "time") -> Splits:
    """Split a raw frame.

    Args:
        frame: n encounters in any order.
        seed: of the patient hash.
        protocol: "time" takes the first 20 % of encounters as initial; "random" takes a random 20 % of the
            patients and puts the others in random order, which removes the drift: the control for false alarms.

    Raises:
        InputError: too few patients to split.
    """
    ordered = arrival_order(frame)
    is_initial = _first_rows(len(ordered)) if protocol == "time" else _patient_share(ordered, seed + 1) < INITIAL_SHARE
    initial, future = at_risk(ordered[is_initial]), at_risk(ordered[~is_initial])
    if protocol == "random":  # batches are cut in this order, and in arrival order they would drift
        future = future.sample(frac=1, random_state=seed, ignore_index=True)
    if initial[PATIENT].nunique() < FEWEST_PATIENTS:
        raise InputError(f"the first 20 % hold fewer than {FEWEST_PATIENTS} patients; give a larger file")
    share = _patient_share(initial, seed)
    in_train = share < TRAIN_SHARE
    in_validation = ~in_train & (share < TRAIN_SHARE + VALIDATION_SHARE)
    masks = (in_train, in_validation, ~in_train & ~in_validation)
    train, validation, test = (initial[mask].reset_index(drop=True) for mask in masks)
    return Splits(train, validation, test, future)


def hold_out(frame: pd.DataFrame, *, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Split n encounters by patient into train and validation, in the proportion in which `split` makes them."""
    in_train = _patient_share(frame, seed) < TRAIN_SHARE / (TRAIN_SHARE + VALIDATION_SHARE)
    return frame[in_train].reset_index(drop=True), frame[~in_train].reset_index(drop=True)


def _first_rows(count: int) -> npt.NDArray[np.bool_]:
    return np.arange(count) < int(count * INITIAL_SHARE)


def _patient_share(frame: pd.DataFrame, seed: int) -> npt.NDArray[np.float64]:
    """Map each row's patient to [0, 1) by a seeded hash, the same for all encounters of a patient."""
    codes, patients = pd.factorize(frame[PATIENT])
    return np.array([_hash_share(patient, seed) for patient in patients])[codes]


def _hash_share(patient: int, seed: int) -> float:
    digest = hashlib.blake2b(f"{seed}:{patient}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64
