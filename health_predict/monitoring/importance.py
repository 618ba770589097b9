"""How much a model's probabilities hang on each watched column, measured by permutation."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from health_predict.features import INPUT_COLUMNS
from health_predict.monitoring.distance import Floats
from health_predict.monitoring.monitored import MONITORED, Monitored

ROWS = 1000  # the sampling error of a column's share is then below .01


def permutation_importance(
    probabilities: Callable[[pd.DataFrame], Floats], frame: pd.DataFrame, *, seed: int, rows: int = ROWS
) -> dict[str, float]:
    """Measure the root mean square change of the probability when a column's values change places between patients.

    Breiman, "Random forests", 2001, with the change of the score in place of the loss of accuracy: it needs no labels
    and asks what a shift of the column would move. A column that feeds no feature has 0.

    Args:
        probabilities: maps n raw encounters to (n,) calibrated probabilities.
        frame: at least 2 raw encounters, of which `rows` are drawn.

    Returns:
        One share a watched column; they add up to 1, unless the model is constant: then all are 0.
    """
    rng = np.random.default_rng(seed)
    sample = frame.iloc[rng.permutation(len(frame))[:rows]].reset_index(drop=True)
    before = probabilities(sample)
    moved = {column.name: _change(probabilities, sample, before, column, rng) for column in MONITORED}
    total = sum(moved.values())
    return {name: change / total if total > 0 else 0.0 for name, change in moved.items()}


def _change(
    probabilities: Callable[[pd.DataFrame], Floats],
    sample: pd.DataFrame,
    before: Floats,
    column: Monitored,
    rng: np.random.Generator,
) -> float:
    order = rng.permutation(len(sample))  # drawn for every column, so that each column's order hangs on its place alone
    if not set(column.sources) & set(INPUT_COLUMNS):
        return 0.0
    names = list(column.sources)
    moved = sample.assign(**{name: sample[name].to_numpy()[order] for name in names})
    return float(np.sqrt(np.mean((probabilities(moved) - before) ** 2)))
