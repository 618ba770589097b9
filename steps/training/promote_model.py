"""Compares challenger and champion on the same patients and moves the alias if the challenger is better."""

import logging
import tempfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
from zenml import step

from adapters.mlflow_registry import Registry
from adapters.mlflow_versions import RegisteredVersion
from configs.train import PromotionSettings
from health_predict.bundle import frame_records
from health_predict.errors import InputError
from health_predict.promotion import Metric, ModelFacts, decide_promotion
from health_predict.scorer import BundleError, Scorer, load_scorer
from health_predict.training import TEST
from stacks.environment import state_folder

LOG = logging.getLogger("health_predict.steps")


@step(experiment_tracker=True, enable_cache=False)
def promote_model(
    version: str,
    test: pd.DataFrame,
    scores: pd.DataFrame,
    metric: Metric,
    seed: int,
    settings: PromotionSettings,
) -> Annotated[dict[str, Any], "promotion"]:
    """Promote or refuse, and record the reason either way."""
    registry = Registry(state_folder() / "locks")
    champion = registry.champion()
    challenger = _load(registry, version)
    rival = _load_if_sound(registry, champion.version) if champion else None
    judged = scores[scores["part"] == TEST]
    decision = decide_promotion(
        judged["y"],
        rival.probabilities(frame_records(test)) if rival else None,
        judged["probability"],
        judged["patient_nbr"],
        champion=_facts(champion, rival) if champion else None,
        challenger=_facts(registry.find(version), challenger),
        metric=metric,
        margin=settings.margin,
        draws=settings.draws,
        seed=seed,
        allow_target_change=settings.allow_target_change,
    )
    LOG.info("%s", decision.reason)
    now = datetime.now(UTC)
    if not decision.promoted:
        registry.record_refusal(version, decision, now)
        return decision.as_dict()
    expected = champion.version if champion else None
    promotion = registry.promote(version, expected, decision, now)
    return {**decision.as_dict(), "promoted": promotion.promoted, "reason": promotion.reason}


def _load(registry: Registry, version: str) -> Scorer:
    with tempfile.TemporaryDirectory() as folder:
        return load_scorer(registry.download_bundle(version, Path(folder)))


def _load_if_sound(registry: Registry, version: str) -> Scorer | None:
    """A champion that cannot score any more ends in a refusal that says so, not in a failed run."""
    try:
        return _load(registry, version)
    except (BundleError, InputError) as error:
        LOG.warning("champion version %s: %s", version, error)
        return None


def _facts(registered: RegisteredVersion, scorer: Scorer | None) -> ModelFacts:
    """The tags were written at registration, so they are there also when the bundle is not."""
    tags = registered.tags
    facts = ModelFacts(registered.version, registered.run_id, tags["target"], tags["provenance"])
    return replace(facts, threshold=scorer.threshold) if scorer else facts
