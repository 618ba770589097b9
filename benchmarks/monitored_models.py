"""A champion and its reference as training makes them, with a fixed family and hyperparameters, for the benchmarks."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from health_predict.families import Configuration
from health_predict.model import TrainedModel
from health_predict.monitoring.importance import permutation_importance
from health_predict.monitoring.reference import DRAWS, Reference, build_reference
from health_predict.selection import Candidate, cross_validate, refit, select
from health_predict.target import Target, readmitted_binary

# the default of the XGBoost family with a rate at which 100 rounds are enough
PARAMETERS = {
    "max_depth": 6,
    "min_child_weight": 20.0,
    "colsample_bytree": 0.3,
    "subsample": 1.0,
    "learning_rate": 0.1,
    "reg_lambda": 1.0,
}
CANDIDATE = Candidate(Configuration("xgboost-fixed", "xgboost", PARAMETERS, seed=0), 100)


@dataclass(frozen=True)
class Champion:
    """A fitted model and what it is watched by."""

    model: TrainedModel
    reference: Reference


def fit_champion(
    frame: pd.DataFrame, target: Target, *, sizes: Sequence[int], seed: int, draws: int = DRAWS
) -> Champion:
    """Fit on n labelled encounters and sum them up as the reference."""
    scores = cross_validate([CANDIDATE], frame, target, metric="auroc", folds=5, seed=seed, threads=1)
    selection = select(scores, "auroc")
    model = refit(selection, frame, target, rule="youden", seed=seed, threads=1)
    out_of_fold = model.calibration.apply(selection.chosen.out_of_fold)
    importances = permutation_importance(model.probabilities, frame, seed=seed)
    y = readmitted_binary(frame, target)
    return Champion(model, build_reference(frame, y, out_of_fold, importances, sizes=sizes, draws=draws, seed=seed))
