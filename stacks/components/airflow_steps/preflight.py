"""Whether Airflow can take a run, asked before anything is written."""

import os
from pathlib import Path

from health_predict.errors import InfrastructureError
from stacks.components.airflow_steps.airflow_api import CURE, AirflowApi


def check_airflow(api: AirflowApi, dags_folder: Path) -> None:
    """Raise InfrastructureError if the DAG folder, Airflow, one of its parts or the user is not as it must be."""
    if not dags_folder.is_dir():
        raise InfrastructureError(f"the DAG folder {dags_folder} is not there; {CURE}")
    if not os.access(dags_folder, os.W_OK | os.X_OK):
        raise InfrastructureError(f"the DAG folder {dags_folder} cannot be written; give this user the right to")
    health = api.health()
    if health.ailing:
        raise InfrastructureError(f"Airflow at {api.url}: {health.reason}; {CURE}")
    api.log_in()
