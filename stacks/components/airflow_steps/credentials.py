"""What lets a step's process into a ZenML server: read from a file, never from the DAG."""

import os
from pathlib import Path

from stacks.value_file import read_secret_values

FILE = "HEALTH_PREDICT_ZENML_CREDENTIALS"


def load_credentials() -> None:
    """Set what the file holds that HEALTH_PREDICT_ZENML_CREDENTIALS names, if it does: such as ZENML_STORE_API_KEY.

    Raises:
        InfrastructureError: the file cannot be read.
        InputError: others than its owner can read it, or a line is not KEY=VALUE.
    """
    named = os.environ.get(FILE)
    if named:
        os.environ.update(read_secret_values(Path(named)))
