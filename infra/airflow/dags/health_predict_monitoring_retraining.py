"""DAG health_predict_monitoring_retraining: judge the next batches, and do what they ask for. Scheduled."""

import os
from collections.abc import Mapping
from typing import Any

from airflow.sdk import Param

from health_predict_driver.dag import driver_dag, options

DOC = """
### Monitor, and retrain where that is asked for

Runs `run.py --pipeline monitor`: scores the next unseen batch, decides whether it drifted, and carries out what
follows: nothing, a recalibration, or a retrain whose model is deployed if it is better. Every batch is judged once,
however often this runs; what an interrupted run left is finished first. The schedule is HEALTH_PREDICT_MONITOR_SCHEDULE
of Airflow's environment: cron, or a preset such as `@hourly`; `@daily` if it is not set, by hand alone if it is empty.

**XCom** `return_value`: `verdict` (DRIFT_DETECTED or NO_DRIFT; null when the stream has ended and there was no batch),
`counts`, and one entry per batch with verdict, reason, action and outcome.
"""

PARAMETERS = {
    "batches": Param(
        "1",
        type="string",
        pattern="^(all|[1-9][0-9]*)$",
        title="Batches",
        description="How many batches to monitor, or all.",
    ),
    "batch_size": Param(
        None,
        type=["null", "integer"],
        minimum=1,
        title="Batch size",
        description="Encounters in a batch; empty: 1000.",
    ),
    "label_delay": Param(
        None,
        type=["null", "integer"],
        minimum=0,
        title="Label delay",
        description="Batches until outcomes are known; empty: 1.",
    ),
    "inject": Param(
        None,
        type=["null", "string"],
        pattern="^([a-z0-9_]+(:[0-9.]+)?)?$",
        examples=["age", "a1c", "insulin", "payer", "sicker", "label", "concept"],
        title="Inject a shift",
        description="For demonstrations: shift the batches, such as a1c or age:0.5; empty: as they are.",
    ),
    "force_retrain": Param(
        False,
        type="boolean",
        title="Force a retrain",
        description="Retrain on the next batch, whatever its verdict.",
    ),
    "data": Param(
        None,
        type=["null", "string"],
        title="Data",
        description="At the first batch, as for training; later it must be the same file, or empty.",
    ),
}
_OPTIONS = {
    "batches": "--batches",
    "batch_size": "--batch-size",
    "label_delay": "--label-delay",
    "inject": "--inject",
    "data": "--data",
}


def arguments(values: Mapping[str, Any]) -> list[str]:
    """Return the arguments of run.py."""
    forced = ["--force-retrain"] if values["force_retrain"] else []
    return ["--pipeline=monitor", *options(values, _OPTIONS), *forced]


dag = driver_dag(
    "health_predict_monitoring_retraining",
    "monitor",
    DOC,
    PARAMETERS,
    arguments,
    schedule=os.environ.get("HEALTH_PREDICT_MONITOR_SCHEDULE", "@daily") or None,
)
