"""Scores the batch with the champion, before anything is known of its outcomes."""

import logging
from typing import Annotated

from zenml import step

from adapters.champion_scoring import reference_name, scores_of
from adapters.monitoring_store import MonitoringStore
from adapters.release_fetching import release_of
from health_predict.monitoring.concordance import expected_auroc

LOG = logging.getLogger(__name__)  # kept with the step; the terminal gets one line a batch, from the driver


@step(enable_cache=False)
def score_batch(batch: str) -> Annotated[str, "scored"]:
    """Keep the champion's scores; a batch that is scored stays as it is. Returns the batch."""
    store = MonitoringStore.of_stack()
    ledger = store.ledger()
    entry = ledger.find(batch)
    if entry is None or "scored" in entry.records:
        return batch
    release = release_of(None)
    scores = scores_of(store, batch, release)
    record = {
        "version": release.model_version,
        "run_id": release.run_id,
        "reference": reference_name(release.model_version),
        "mean": float(scores["probability"].mean()),
        "expected_auroc": expected_auroc(scores["probability"]),
    }
    store.keep(ledger.advance(batch, "scored", record))
    LOG.info("scored with version %s", release.model_version)
    return batch
