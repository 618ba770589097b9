"""The two targets that the model can be trained for."""

from collections.abc import Mapping
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from health_predict.columns import TARGET_COLUMN
from health_predict.errors import InputError

Target = Literal["any", "within_30_days"]

_POSITIVE: dict[Target, tuple[str, ...]] = {"any": ("<30", ">30"), "within_30_days": ("<30",)}
MEANING: dict[Target, str] = {
    "any": "readmitted at all",
    "within_30_days": "readmitted within 30 days",
}


def readmitted_binary(frame: pd.DataFrame, target: Target) -> npt.NDArray[np.int8]:
    """Return 1 for each readmitted encounter, else 0.

    Raises:
        InputError: the frame has no target column, or rows without a label.
    """
    if TARGET_COLUMN not in frame.columns:
        raise InputError(f"column '{TARGET_COLUMN}' is missing; training and evaluation need labels")
    unlabelled = int(frame[TARGET_COLUMN].isna().sum())
    if unlabelled:
        raise InputError(f"column '{TARGET_COLUMN}': {unlabelled:,} rows have no label; leave them out")
    return np.asarray(frame[TARGET_COLUMN].isin(_POSITIVE[target]), dtype=np.int8)


def check_learnable(parts: Mapping[str, pd.DataFrame], target: Target) -> None:
    """Check that every part has both outcomes; InputError names the part that lacks one."""
    for name, frame in parts.items():
        if len(np.unique(readmitted_binary(frame, target))) < 2:
            raise InputError(f"all {name} encounters have the same outcome '{target}'; give a larger file")
