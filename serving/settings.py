"""What the environment says to the server."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from health_predict.errors import InputError


@dataclass(frozen=True)
class Settings:
    """Where the release is and where to listen."""

    bundle: Path
    host: str
    port: int
    threads: int


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Read the variables of the server.

    Raises:
        InputError: one is missing or no number in its range.
    """
    bundle = environment.get("HEALTH_PREDICT_BUNDLE", "")
    if not bundle:
        raise InputError("HEALTH_PREDICT_BUNDLE is not set; it names the folder of a release")
    return Settings(
        bundle=Path(bundle).absolute(),
        host=environment.get("HEALTH_PREDICT_HOST", "127.0.0.1"),
        port=_whole_number(environment, "PREDICTIVE_UNIT_HTTP_SERVICE_PORT", 9000, 65_535),
        threads=_whole_number(environment, "HEALTH_PREDICT_THREADS", 4, 64),
    )


def _whole_number(environment: Mapping[str, str], name: str, default: int, most: int) -> int:
    text = environment.get(name, str(default))
    if not text.isdecimal() or not 1 <= int(text) <= most:
        raise InputError(f"{name} must be a whole number from 1 to {most}, not {text!r}")
    return int(text)
