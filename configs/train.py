"""The settings of the train pipeline; their values stand in train.yaml and the profiles."""

from typing import Literal

from pydantic import Field, NonNegativeFloat, PositiveInt

from configs.loading import Settings

FamilyName = Literal["logistic_regression", "random_forest", "xgboost"]


class DataSettings(Settings):
    """How the file is split."""

    protocol: Literal["time", "random"]
    seed: int = Field(ge=0)
    minimum_free_mb: int = Field(ge=0)


class SearchSettings(Settings):
    """The hyperparameter search."""

    trials: PositiveInt
    families: tuple[FamilyName, ...] = Field(min_length=1)
    max_size: dict[FamilyName, PositiveInt]
    grace: dict[FamilyName, PositiveInt]
    reduction: int = Field(ge=2)
    cpus: PositiveInt | None
    cpus_per_trial: PositiveInt
    ray_address: str | None
    storage_path: str | None
    object_store_mb: int = Field(ge=80)


class SelectionSettings(Settings):
    """Which candidate wins, and its threshold."""

    folds: int = Field(ge=2)
    candidates_per_family: PositiveInt
    threshold: Literal["youden", "f1"]
    threads: PositiveInt


class ReferenceSettings(Settings):
    """What the model is watched by."""

    reference_sizes: tuple[PositiveInt, ...] = Field(min_length=1)
    draws: int = Field(ge=2000)


class EvaluationSettings(Settings):
    """Intervals of the evaluation."""

    draws: int = Field(ge=100)


class PromotionSettings(Settings):
    """When a challenger becomes champion."""

    margin: NonNegativeFloat
    draws: int = Field(ge=100)
    allow_target_change: bool


class TrainConfig(Settings):
    """Everything that `run.py --pipeline train` can be told."""

    target: Literal["any", "within_30_days"]
    metric: Literal["auroc", "f1"]
    seed: int = Field(ge=0)
    data: DataSettings
    search: SearchSettings
    selection: SelectionSettings
    monitoring: ReferenceSettings
    evaluation: EvaluationSettings
    promotion: PromotionSettings
