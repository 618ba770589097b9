"""The smallest pipeline with an order, and a fault in its second step on demand: what tests send through Airflow."""

import os
import signal
import time
from typing import Annotated

from zenml import pipeline, step

from health_predict.errors import InputError


@step
def first(seconds: float) -> Annotated[str, "began"]:
    """Takes some time."""
    time.sleep(seconds)
    return f"{time.time():.3f}"


@step
def second(began: str, fault: str) -> Annotated[str, "done"]:
    """Fails as it is told."""
    if fault == "input":
        raise InputError("column age: 17 rows are out of range")
    if fault == "defect":
        raise ZeroDivisionError("a defect")
    if fault == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if fault == "group":
        os.killpg(os.getpgid(0), signal.SIGKILL)
    if fault.startswith("sleep"):
        time.sleep(float(fault.removeprefix("sleep")))
    return f"{began} {time.time():.3f}"


@pipeline(name="two_steps", enable_cache=False)
def two_steps(seconds: float = 0.0, fault: str = "") -> None:
    """One after the other."""
    second(first(seconds), fault)
