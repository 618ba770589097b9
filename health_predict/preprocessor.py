"""The fitted step from the engineered frame to the float32 matrix, and its export for the record encoder."""

from dataclasses import asdict
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler, TargetEncoder

from health_predict.features import MISSING, ONE_HOT, SCALED, TARGET_ENCODED, Feature
from health_predict.privacy import SMALLEST_GROUP

Matrix = npt.NDArray[np.float32]


def to_float32(values: npt.NDArray[np.float64]) -> Matrix:
    """Round to float32, what every estimator and the record encoder see."""
    return np.asarray(values, dtype=np.float32)


def fit_preprocessor(
    engineered: pd.DataFrame, y: npt.ArrayLike, patients: npt.ArrayLike, seed: int
) -> tuple[ColumnTransformer, Matrix]:
    """Fit the preprocessor and return it with the (n, d) matrix of its cross-fitted training rows.

    A level of a target-encoded feature that fewer than 11 patients have is encoded as an unknown one, by the mean of
    the target: its own encoding would tell how those patients fared.
    """
    preprocessor = build_preprocessor(seed, _common_levels(engineered, patients))
    return preprocessor, to_float32(preprocessor.fit_transform(engineered, y))


def _common_levels(engineered: pd.DataFrame, patients: npt.ArrayLike) -> list[list[str]]:
    who = pd.Series(np.asarray(patients), index=engineered.index)
    counts = [who.groupby(engineered[feature.name]).nunique() for feature in TARGET_ENCODED]
    return [sorted(count.index[count >= SMALLEST_GROUP]) or [MISSING] for count in counts]


def build_preprocessor(seed: int, levels: list[list[str]] | Literal["auto"] = "auto") -> ColumnTransformer:
    """Build the unfitted preprocessor; `seed` shuffles the folds of the cross-fitted target encoder.

    Each block is float32 before the blocks are joined, so a wide float64 matrix never exists.
    The one-hot levels come from the declaration: the columns are the same for every fit.

    Args:
        levels: of each target-encoded feature; "auto" takes those of the data, which suits invented data only.
    """
    folds = StratifiedKFold(n_splits=5, shuffle=True, random_state=seed)
    one_hot = OneHotEncoder(
        categories=[list(feature.levels) for feature in ONE_HOT],
        handle_unknown="ignore",
        sparse_output=False,
        dtype=np.float32,
    )
    return ColumnTransformer(
        [
            ("scaled", _then_float32(StandardScaler()), [f.name for f in SCALED]),
            ("one_hot", one_hot, [f.name for f in ONE_HOT]),
            (
                "target",
                _then_float32(TargetEncoder(levels, target_type="binary", cv=folds)),
                [f.name for f in TARGET_ENCODED],
            ),
        ],
        sparse_threshold=0,
        verbose_feature_names_out=False,
    )


def _then_float32(transformer: BaseEstimator) -> Pipeline:
    return make_pipeline(transformer, FunctionTransformer(to_float32, feature_names_out="one-to-one"))


def feature_names(preprocessor: ColumnTransformer) -> tuple[str, ...]:
    """Name the columns of the matrix, in order."""
    return tuple(str(name) for name in preprocessor.get_feature_names_out())


def source_features() -> tuple[str, ...]:
    """Name, for each column of the matrix, the declared feature it comes from."""
    names = [f.name for f in SCALED]
    names += [f.name for f in ONE_HOT for _ in f.levels]
    return (*names, *(f.name for f in TARGET_ENCODED))


def transform(preprocessor: ColumnTransformer, engineered: pd.DataFrame) -> Matrix:
    """Encode n engineered rows as an (n, d) float32 matrix."""
    return to_float32(preprocessor.transform(engineered))


def export_encoder(preprocessor: ColumnTransformer) -> dict[str, Any]:
    """Write the declaration and what was fitted as plain data: all that the record encoder needs.

    Returns:
        {"feature_order": names of the d matrix columns, "features": one entry a feature with its rule and its
        mean and scale, its levels, or its target encodings with the default for unseen levels}.
    """
    scaler = preprocessor.named_transformers_["scaled"][0]
    target = preprocessor.named_transformers_["target"][0]
    fitted: dict[str, dict[str, Any]] = {}
    for i, feature in enumerate(SCALED):
        fitted[feature.name] = {"mean": float(scaler.mean_[i]), "scale": float(scaler.scale_[i])}
    for i, feature in enumerate(TARGET_ENCODED):
        levels = [str(level) for level in target.categories_[i]]
        encodings = dict(zip(levels, map(float, target.encodings_[i]), strict=True))
        fitted[feature.name] = {"encodings": encodings, "default": float(target.target_mean_)}
    blocks = (*SCALED, *ONE_HOT, *TARGET_ENCODED)
    return {
        "feature_order": list(feature_names(preprocessor)),
        "features": [{**_rule(feature), **fitted.get(feature.name, {})} for feature in blocks],
    }


def _rule(feature: Feature) -> dict[str, Any]:
    """Write a feature as JSON can hold it: a table becomes pairs, since its keys may be integers."""
    rule = asdict(feature)
    rule["table"] = [[key, value] for key, value in feature.table.items()]
    return rule
