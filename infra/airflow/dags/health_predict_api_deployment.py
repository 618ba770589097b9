"""DAG health_predict_api_deployment: put a version behind the stack's endpoint and prove it there."""

from collections.abc import Mapping
from typing import Any

from airflow.sdk import Param

from health_predict_driver.dag import driver_dag, options

DOC = """
### Serve a model

Runs `run.py --pipeline deploy`: fetches the version's bundle, puts it behind the endpoint of the stack, and asks it
for predictions that are known. If it does not prove itself, what was served before is served again, and this fails.

**XCom** `return_value`: `rollout` with status, URL, version and latency.
"""

PARAMETERS = {
    "model_version": Param(
        None,
        type=["null", "string"],
        pattern="^([1-9][0-9]*)?$",
        title="Version",
        description="Of HealthPredict in the model registry, such as 3; empty: the champion.",
    ),
}


def arguments(values: Mapping[str, Any]) -> list[str]:
    """Return the arguments of run.py."""
    return ["--pipeline=deploy", *options(values, {"model_version": "--model-version"})]


dag = driver_dag("health_predict_api_deployment", "deploy", DOC, PARAMETERS, arguments)
