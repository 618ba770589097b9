"""A trained model as scikit-learn sees it: preprocessor, estimator, calibration and threshold."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.compose import ColumnTransformer

from health_predict.calibration import Calibration
from health_predict.engineer import engineer
from health_predict.families import Configuration
from health_predict.preprocessor import transform
from health_predict.target import Target

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class TrainedModel:
    """Everything that was fitted or chosen for one model.

    Attributes:
        size: boosting rounds, trees or epochs.
        estimator: a fitted scikit-learn classifier over the (n, d) matrix.
        threshold: on calibrated probabilities.
    """

    configuration: Configuration
    size: int
    target: Target
    preprocessor: ColumnTransformer
    estimator: Any
    calibration: Calibration
    threshold: float

    def raw_scores(self, frame: pd.DataFrame) -> Floats:
        """Score n raw encounters; the (n,) result is not calibrated."""
        matrix = transform(self.preprocessor, engineer(frame))
        return np.asarray(self.estimator.predict_proba(matrix)[:, 1], dtype=np.float64)

    def probabilities(self, frame: pd.DataFrame) -> Floats:
        """Return the (n,) calibrated probabilities of n raw encounters."""
        return self.calibration.apply(self.raw_scores(frame))


class CalibratedClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A fitted classifier with its calibration and threshold, for a scikit-learn Pipeline."""

    def __init__(self, estimator: Any, slope: float, intercept: float, threshold: float) -> None:  # noqa: ANN401
        self.estimator = estimator
        self.slope = slope
        self.intercept = intercept
        self.threshold = threshold
        self.classes_ = np.array([0, 1])

    def fit(self, matrix: npt.NDArray[np.float32], y: npt.ArrayLike) -> "CalibratedClassifier":  # noqa: ARG002
        """Refuse: scikit-learn asks every estimator to have this, and calibration needs out-of-fold scores."""
        raise TypeError("a CalibratedClassifier is made of fitted parts; train with run.py --pipeline train")

    def predict_proba(self, matrix: npt.NDArray[np.float32]) -> Floats:
        """Return (n, 2) calibrated probabilities of class 0 and 1."""
        raw = self.estimator.predict_proba(matrix)[:, 1]
        positive = Calibration(self.slope, self.intercept).apply(raw)
        return np.column_stack([1 - positive, positive])

    def predict(self, matrix: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
        """Return (n,) predictions of 0 or 1 at the threshold."""
        return (self.predict_proba(matrix)[:, 1] >= self.threshold).astype(np.int64)
