"""The vectorised path from the clean frame to the engineered frame: one column a feature."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from health_predict.features import FEATURES, Feature, element


def engineer(frame: pd.DataFrame, features: Sequence[Feature] = FEATURES) -> pd.DataFrame:
    """Compute every declared feature of every encounter; needs no target and no other encounter.

    Args:
        frame: n encounters with the raw input columns, missing as NaN or None.

    Returns:
        n rows with the index of `frame`: float64 for scaled features, str for the others.
    """
    return pd.DataFrame({feature.name: _compute(frame, feature) for feature in features}, index=frame.index)


def _compute(frame: pd.DataFrame, feature: Feature) -> np.ndarray:
    parts = [_elements(frame[column], feature, position) for position, column in enumerate(feature.columns)]
    if feature.combine == "positive":
        return (parts[0] > 0).astype(np.float64)
    if feature.combine == "ratio":
        return np.asarray(parts[0] / np.maximum(parts[1], 1.0))
    if feature.combine == "any":
        return np.asarray(np.maximum.reduce(parts))
    return np.asarray(np.add.reduce(parts)) if feature.combine == "sum" else parts[0]


def _elements(column: pd.Series, feature: Feature, position: int) -> np.ndarray:
    """Apply the scalar rule once per distinct value; code -1, a missing value, takes the last place."""
    codes, distinct = pd.factorize(column)
    values = [element(feature, position, value) for value in (*distinct.tolist(), None)]
    kind = np.float64 if feature.encoding == "scaled" else object
    elements: np.ndarray = np.array(values, dtype=kind)[codes]
    return elements
