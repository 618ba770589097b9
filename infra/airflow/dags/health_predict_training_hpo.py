"""DAG health_predict_training_hpo: search, fit, evaluate, register and, if it is better, promote a model."""

from collections.abc import Mapping
from typing import Any

from airflow.sdk import Param

from health_predict_driver.dag import driver_dag, options

DOC = """
### Train a model

Runs `run.py --pipeline train`: a hyperparameter search over logistic regression, random forest and XGBoost, then fit,
calibration, evaluation and registration. The new version becomes champion if it is not worse than the one there is; a
refusal is a result, not a failure. The steps run as a DAG of their own, named after the ZenML run.

**XCom** `return_value`: version, promoted, reason, scores with 95 % intervals.

It is not served by this: trigger `health_predict_api_deployment` afterwards.
"""

PARAMETERS = {
    "config": Param(
        "quick",
        type="string",
        minLength=1,
        examples=["quick", "full"],
        title="Configuration",
        description="quick (24 trials), full (200 trials), or the path of a YAML file on Airflow's machine.",
    ),
    "target": Param(
        "any",
        type="string",
        enum=["any", "within_30_days"],
        title="Target",
        description="Readmitted at all, or within 30 days.",
    ),
    "trials": Param(
        None,
        type=["null", "integer"],
        minimum=1,
        maximum=10_000,
        title="Trials",
        description="Hyperparameter trials; empty: as many as the configuration says.",
    ),
    "seed": Param(
        None,
        type=["null", "integer"],
        minimum=0,
        title="Seed",
        description="Of everything that is drawn; empty: that of the configuration.",
    ),
    "data": Param(
        None,
        type=["null", "string"],
        title="Data",
        description="CSV, UCI zip or s3://bucket/key; empty: HEALTH_PREDICT_DATA of Airflow, the cache, UCI.",
    ),
}
_OPTIONS = {
    "config": "--config",
    "target": "--target",
    "data": "--data",
    "trials": "--set=search.trials",
    "seed": "--set=seed",
}


def arguments(values: Mapping[str, Any]) -> list[str]:
    """Return the arguments of run.py."""
    return ["--pipeline=train", *options(values, _OPTIONS)]


dag = driver_dag("health_predict_training_hpo", "train", DOC, PARAMETERS, arguments)
