"""A stack with a champion and batches of which some have matured: what a retrain or recalibration starts from."""

from dataclasses import dataclass

import pandas as pd
from mlflow import MlflowClient

from adapters.mlflow_registry import Registry
from adapters.monitoring_store import MonitoringStore
from configs.loading import load
from configs.train import TrainConfig
from health_predict.monitoring.ledger import Entry, Ledger
from health_predict.monitoring.renewal import RenewalRequest
from health_predict.splits import at_risk
from health_predict.synthetic import sample_encounters

INITIAL, BATCH, BATCHES, JUDGES = 2500, 1200, 4, 1000
SMALL = (
    "selection.folds=2",
    "evaluation.draws=100",
    "promotion.draws=100",
    "monitoring.reference_sizes=[250]",
    "monitoring.draws=2000",
)
ENCOUNTERS = at_risk(sample_encounters(INITIAL + BATCH * BATCHES + 500, seed=6))


def batch_rows(number: int) -> pd.DataFrame:
    """Return the encounters of a batch, from 0 on."""
    start = INITIAL + number * BATCH
    return ENCOUNTERS.iloc[start : start + BATCH].reset_index(drop=True)


@dataclass(frozen=True)
class Renewals:
    """The last batch is the one that asks; its own outcomes have not arrived."""

    registry: Registry
    store: MonitoringStore

    @property
    def config(self) -> TrainConfig:
        """As small as a retrain can be."""
        return load(TrainConfig, "train", pairs=SMALL)

    def request(self, kind: str, batch: str, **options) -> RenewalRequest:
        """Ask on behalf of the last batch, with every matured one."""
        champion = self.registry.champion().version
        matured = tuple(f"b{number}" for number in range(BATCHES - 1))
        given = {"champion": champion, "matured": matured, "current": BATCHES - 1, "delay": 1, "judges": JUDGES}
        return RenewalRequest(**{"trigger": f"{kind}:{batch}", **given, **options})

    def fill(self) -> None:
        """Place every batch, each seen."""
        seen = [
            Entry(f"b{number}", {"seen": {"index": number, "rows": BATCH, "shift": None}}) for number in range(BATCHES)
        ]
        for number, entry in enumerate(seen):
            self.store.place_batch(entry.batch, batch_rows(number))
        self.store.keep(Ledger(tuple(seen)))

    def versions(self) -> list[str]:
        """Return all versions, oldest first."""
        client = MlflowClient(self.registry.tracking_uri, self.registry.tracking_uri)
        found = client.search_model_versions(f"name = '{self.registry.name}'")
        return sorted((str(version.version) for version in found), key=int)
