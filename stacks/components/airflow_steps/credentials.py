"""What lets a step's process into a ZenML server: read from a file, never from the DAG."""

import os
import stat
from pathlib import Path

from health_predict.errors import InfrastructureError

FILE = "HEALTH_PREDICT_ZENML_CREDENTIALS"


def load_credentials() -> None:
    """Set the KEY=VALUE lines of the file that HEALTH_PREDICT_ZENML_CREDENTIALS names, if it names one.

    Raises:
        InfrastructureError: the file cannot be read, or others than its owner can.
    """
    named = os.environ.get(FILE)
    if not named:
        return
    path = Path(named)
    try:
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise InfrastructureError(f"{path} can be read by others; run `chmod 600 {path}`")
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise InfrastructureError(f"{path}, which {FILE} names, cannot be read: {error.strerror}") from error
    pairs = (line.split("=", 1) for line in lines if "=" in line and not line.lstrip().startswith("#"))
    os.environ.update({name.strip(): value.strip() for name, value in pairs})
