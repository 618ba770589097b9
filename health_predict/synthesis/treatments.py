"""A treatment: the 23 drugs, whether they changed and whether there are any, as one text with one meaning.

Drawn column by column they would contradict each other (a drug that is on while diabetesMed is No), and together they
take few values: 245 treatments cover 97.6 % of the real file.
"""

import numpy as np
import numpy.typing as npt
import pandas as pd

from health_predict.columns import DRUGS

TREATMENT = "treatment"
TREATMENT_COLUMNS = (*DRUGS, "change", "diabetesMed")
OFF = "No"


def spell(frame: pd.DataFrame) -> "pd.Series[str]":
    """Write what is not "No" in each row, such as "insulin=Up change=Ch diabetesMed=Yes"."""
    texts = pd.Series("", index=frame.index)
    for name in TREATMENT_COLUMNS:
        texts += frame[name].map({value: _part(name, value) for value in frame[name].unique()})
    return texts.str.strip()


def _part(name: str, value: str) -> str:
    return "" if value == OFF else f"{name}={value} "


def group(treatment: str) -> str:
    """Keep what the other columns depend on: insulin, the change, any drug, and whether metformin is on."""
    parts = dict(part.split("=") for part in treatment.split())
    kept = [f"{name}={parts[name]}" for name in ("insulin", "change", "diabetesMed") if name in parts]
    return " ".join([*kept, "metformin"] if "metformin" in parts else kept)


def columns(treatments: npt.NDArray[np.object_]) -> dict[str, npt.NDArray[np.object_]]:
    """Turn texts written by `spell` back into one array a column."""
    codes, distinct = pd.factorize(treatments)
    named = [dict(part.split("=") for part in text.split()) for text in distinct]
    values = {name: np.array([parts.get(name, OFF) for parts in named], dtype=object) for name in TREATMENT_COLUMNS}
    return {name: array[codes] for name, array in values.items()}
