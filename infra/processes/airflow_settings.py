"""How Airflow is set up: everything by environment variables, nothing in a file of its own."""

import json
import os
import shutil
from pathlib import Path

from infra.processes.place import PIPELINES, Place
from infra.service_secrets import write_private
from infra.service_settings import HOST
from stacks.environment import PROJECT, state_folder

DRIVER_DAGS = PROJECT / "infra" / "airflow" / "dags"
_HANDED_ON = ("HEALTH_PREDICT_DATA", "HEALTH_PREDICT_MONITOR_SCHEDULE")


def airflow_environment(place: Place) -> dict[str, str]:
    """The settings of every Airflow process; database address and keys are in it."""
    url = place.settings.airflow_url
    settings = {
        "CORE__EXECUTOR": "LocalExecutor",
        "CORE__PARALLELISM": "4",
        "CORE__LOAD_EXAMPLES": "False",
        "CORE__DAGS_FOLDER": str(place.settings.dags),
        "CORE__FERNET_KEY": place.secrets["AIRFLOW_FERNET_KEY"],
        "CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        "CORE__SIMPLE_AUTH_MANAGER_USERS": f"{place.settings.airflow_user}:admin",
        "CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(_passwords_file(place)),
        "CORE__HOSTNAME_CALLABLE": "socket.gethostname",  # the default asks a name server
        "DATABASE__SQL_ALCHEMY_CONN": place.database("airflow", "psycopg2"),
        "DATABASE__SQL_ALCHEMY_CONN_ASYNC": place.database("airflow", "asyncpg"),
        "API__HOST": HOST,
        "API__PORT": str(place.settings.airflow_port),
        "API__BASE_URL": url,
        "API__WORKERS": "1",
        "API__SECRET_KEY": place.secrets["AIRFLOW_SECRET_KEY"],
        "API_AUTH__JWT_SECRET": place.secrets["AIRFLOW_JWT_SECRET"],
        # a submitted run is one new file: it is seen within seconds
        "DAG_PROCESSOR__REFRESH_INTERVAL": "3",
        "DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "10",
        "DAG_PROCESSOR__PARSING_PROCESSES": "1",
        # a killed worker is noticed within a minute
        "SCHEDULER__TASK_INSTANCE_HEARTBEAT_SEC": "10",
        "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "60",
        # on a busy machine the API server may need longer than the five seconds after which a task gives up
        "WORKERS__EXECUTION_API_TIMEOUT": "30",
        "LOGGING__BASE_LOG_FOLDER": str(place.airflow / "logs"),
    }
    handed_on = {name: os.environ[name] for name in _HANDED_ON if name in os.environ}
    return {
        "AIRFLOW_HOME": str(place.airflow),
        **{f"AIRFLOW__{name}": value for name, value in settings.items()},
        "HEALTH_PREDICT_PROJECT": str(PROJECT),
        "HEALTH_PREDICT_PYTHON": str(PIPELINES / "bin" / "python"),
        "HEALTH_PREDICT_STATE": str(state_folder()),
        **handed_on,
    }


def prepare_airflow(place: Place) -> None:
    """Make its folders, put the driver DAGs into the dags folder, and write the password file."""
    place.settings.dags.mkdir(parents=True, exist_ok=True)
    place.airflow.chmod(0o700)  # configuration of runs lies in the dags folder
    shutil.copytree(DRIVER_DAGS, place.settings.dags, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    passwords = {place.settings.airflow_user: place.secrets["AIRFLOW_ADMIN_PASSWORD"]}
    write_private(_passwords_file(place), json.dumps(passwords) + "\n")


def _passwords_file(place: Place) -> Path:
    return place.run / "airflow-passwords.json"
