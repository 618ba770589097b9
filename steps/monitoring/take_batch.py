"""Takes the batch to go on with: the unfinished one, else the next of the stream."""

import logging
from typing import Annotated

from zenml import step

from adapters.monitoring_store import MonitoringStore
from configs.monitor import MonitorConfig
from health_predict.errors import InputError
from health_predict.monitoring.batches import batch_id, next_batch
from health_predict.monitoring.simulate import inject, parse_shift

LOG = logging.getLogger(__name__)  # kept with the step; the terminal gets one line a batch, from the driver


@step(enable_cache=False)
def take_batch(config: MonitorConfig, shift: str | None) -> Annotated[str, "batch"]:
    """Return the id of the batch; doing it twice takes the same one."""
    store = MonitoringStore.of_stack()
    source, ledger = store.source_or_fail(), store.ledger()
    unfinished = ledger.unfinished()
    if unfinished is not None:
        return unfinished.batch
    first = ledger.entries[-1].records["seen"]["last"] + 1 if ledger.entries else 0
    rows = store.stream().iloc[first:]
    taken = next_batch(rows, config.batch_size, config.minimum)
    if taken is None:
        raise InputError("monitoring: the stream has ended, every encounter is in a batch")
    wanted = parse_shift(shift) if shift else None
    shifted = inject(taken.rows, wanted, target=source.target, seed=config.seed + first) if wanted else taken.rows
    record = {
        "index": len(ledger.entries),
        "rows": len(shifted),
        "first": first,
        "last": first + len(taken.rows) - 1,
        "large_enough": len(shifted) >= config.minimum,
        "provenance": source.provenance,
        "shift": shift,
    }
    batch = taken.id if wanted is None else batch_id(shifted)
    store.place_batch(batch, shifted)
    store.keep(ledger.see(batch, record))
    LOG.info("batch %d: %s, %d encounters", record["index"], batch, len(shifted))
    return batch
