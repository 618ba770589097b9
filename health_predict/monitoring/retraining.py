"""Which encounters a retrain learns from and which judge it: by patient, and nothing that has not matured."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from health_predict.columns import PATIENT
from health_predict.errors import InputError

JUDGES = 3000  # encounters; the 95 % interval of a paired AUROC difference is then about .01 wide on each side


@dataclass(frozen=True)
class RetrainingData:
    """The encounters of a retrain.

    Attributes:
        train: the initial and the matured encounters of every patient that does not judge.
        judge: the newest matured encounters.
        missing: what a retrain waits for, in words; empty if it can start, else both frames are empty.
    """

    train: pd.DataFrame
    judge: pd.DataFrame
    missing: str


def retraining_data(initial: pd.DataFrame, matured: Sequence[pd.DataFrame], *, judges: int = JUDGES) -> RetrainingData:
    """Choose training and judging encounters.

    Args:
        initial: the encounters that the first model was built on, all labelled.
        matured: the batches whose labels may be used, in arrival order, as `maturity.matured` returns them.
        judges: number of judging encounters, at least 1.
    """
    if judges < 1:
        raise InputError(f"monitoring: {judges} judging encounters can judge nothing; take at least 1")
    labelled = pd.concat([initial.iloc[:0], *matured], ignore_index=True)
    missing = lacking(len(labelled), judges)
    if missing:
        return RetrainingData(initial.iloc[:0], initial.iloc[:0], missing)
    judge = labelled.iloc[-judges:].reset_index(drop=True)
    older = pd.concat([initial, labelled.iloc[:-judges]], ignore_index=True)
    train = older[~older[PATIENT].isin(set(judge[PATIENT]))].reset_index(drop=True)
    return RetrainingData(train, judge, "")


def lacking(labelled: int, judges: int) -> str:
    """Say what a retrain lacks when `labelled` encounters have matured; empty if it can start."""
    if labelled < judges:
        return f"{labelled:,} of {judges:,} labelled encounters to judge by have matured"
    return "no labels have matured beyond those that judge: nothing is new to learn" if labelled == judges else ""
