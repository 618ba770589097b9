"""The settings of the monitor pipeline; their values stand in monitor.yaml."""

import math
from typing import Literal

from pydantic import Field, NonNegativeInt, PositiveInt

from configs.loading import Settings
from health_predict.monitoring.action import ActionSettings


class StreamSettings(Settings):
    """Which encounters are the future."""

    protocol: Literal["time", "random"]
    seed: NonNegativeInt


class RuleSettings(Settings):
    """What makes a batch drifted."""

    name: Literal["calibrated", "evidently"]
    false_alarm_rate: float = Field(gt=0, lt=1)
    drift_share: float = Field(gt=0, le=1)


class ReactionSettings(Settings):
    """When a verdict leads to an action."""

    impact_needed: PositiveInt
    impact_window: PositiveInt
    cool_down: NonNegativeInt
    retrain_encounters: PositiveInt


class RetrainSettings(Settings):
    """How a retrain is made and judged."""

    search: bool
    judges: PositiveInt


class MonitorConfig(Settings):
    """Everything that `run.py --pipeline monitor` can be told."""

    batch_size: PositiveInt
    minimum: PositiveInt
    label_delay: NonNegativeInt
    seed: NonNegativeInt
    data: StreamSettings
    rule: RuleSettings
    reaction: ReactionSettings
    retrain: RetrainSettings

    def action_settings(self) -> ActionSettings:
        """Return the reaction as the domain counts it, in batches."""
        values = self.reaction.model_dump()
        window = max(1, math.ceil(values.pop("retrain_encounters") / self.batch_size))
        return ActionSettings(**values, retrain_window=window)
