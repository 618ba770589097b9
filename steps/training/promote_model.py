"""Compares challenger and champion on the same patients and moves the alias if the challenger is better."""

import json
import logging
import tempfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, cast

import pandas as pd
import pyarrow as pa
from zenml import step

from adapters.mlflow_registry import Registry
from adapters.mlflow_versions import RegisteredVersion
from adapters.stack_connection import registry_of_stack
from configs.train import PromotionSettings
from health_predict.columns import PATIENT
from health_predict.errors import InputError
from health_predict.monitoring.renewal import remaining
from health_predict.promotion import Metric, ModelFacts, PromotionDecision, decide_promotion
from health_predict.scorer import BundleError, Scorer, load_scorer
from health_predict.target import Target, readmitted_binary

LOG = logging.getLogger("health_predict.steps")


@step(experiment_tracker=True, enable_cache=False)
def promote_model(
    version: str,
    test: pd.DataFrame,
    metric: Metric,
    seed: int,
    settings: PromotionSettings,
) -> Annotated[dict[str, Any], "promotion"]:
    """Promote or refuse, and record the reason either way; a version that was decided on stays as it is.

    Registry and encounters are all it needs, so it can be run again alone.
    """
    registry, now = registry_of_stack(), datetime.now(UTC)
    registry.settle(now)
    found, champion = registry.find(version), registry.champion()
    if remaining(found.status).left == "nothing":
        return dict(json.loads(found.tags["promotion_decision"]))
    decision = _compare(registry, found, champion, test, metric=metric, seed=seed, settings=settings)
    LOG.info("%s", decision.reason)
    if not decision.promoted:
        registry.record_refusal(version, decision, now)
        return decision.as_dict()
    promotion = registry.promote(version, champion.version if champion else None, decision, now)
    return {**decision.as_dict(), "promoted": promotion.promoted, "reason": promotion.reason}


def _compare(
    registry: Registry,
    challenger: RegisteredVersion,
    champion: RegisteredVersion | None,
    test: pd.DataFrame,
    *,
    metric: Metric,
    seed: int,
    settings: PromotionSettings,
) -> PromotionDecision:
    scorer = _load(registry, challenger.version)
    rival = _load_if_sound(registry, champion.version) if champion else None
    table = pa.Table.from_pandas(test, preserve_index=False)
    return decide_promotion(
        readmitted_binary(test, cast("Target", challenger.tags["target"])),
        rival.probabilities_of_table(table) if rival else None,
        scorer.probabilities_of_table(table),
        test[PATIENT],
        champion=_facts(champion, rival) if champion else None,
        challenger=_facts(challenger, scorer),
        metric=metric,
        margin=settings.margin,
        draws=settings.draws,
        seed=seed,
        allow_target_change=settings.allow_target_change,
    )


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
