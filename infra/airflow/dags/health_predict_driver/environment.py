"""The environment of run.py below Airflow: only what it needs, since Airflow's own holds the database password."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

_SYSTEM = (
    "PATH",
    "HOME",
    "USER",
    "LANG",
    "LC_ALL",
    "TZ",
    "TMPDIR",
    "SSL_CERT_FILE",
    "REQUESTS_CA_BUNDLE",
    "KUBECONFIG",
)
_PREFIXES = ("HEALTH_PREDICT_", "AWS_", "ZENML_STORE_")
_ANOTHERS = "HEALTH_PREDICT_PREPARED_FOR"  # says which state folder another process prepared
_CREDENTIALS = "HEALTH_PREDICT_ZENML_CREDENTIALS"


class UnusableError(Exception):
    """Airflow's environment lacks something; the message names it and the cure."""


@dataclass(frozen=True)
class Installation:
    """Where the project lies, and what its processes are to know."""

    project: Path
    python: Path
    state: Path
    variables: Mapping[str, str]

    @classmethod
    def of(cls, airflows: Mapping[str, str]) -> "Installation":
        """Read it from the environment of an Airflow task; UnusableError if the project is not to be found there."""
        project = _existing(airflows, "HEALTH_PREDICT_PROJECT")
        named = airflows.get("HEALTH_PREDICT_STATE")
        passed = {name: value for name, value in airflows.items() if name in _SYSTEM or name.startswith(_PREFIXES)}
        passed.pop(_ANOTHERS, None)
        state = Path(named) if named else project / ".state"
        return cls(project, _existing(airflows, "HEALTH_PREDICT_PYTHON"), state, passed)

    def environment(self, folder: Path) -> dict[str, str]:
        """Return the variables of one run of run.py.

        Args:
            folder: a temporary one for ZenML's configuration: two clients that write one file break each other.

        Raises:
            UnusableError: the project's ZenML store is not known, or its credentials cannot be read.
        """
        return {
            **self.variables,
            **self._store(),
            "HEALTH_PREDICT_STATE": str(self.state),
            "ZENML_CONFIG_PATH": str(folder / "zenml"),
            "ZENML_LOCAL_STORES_PATH": str(self.state / "zenml" / "local_stores"),
            "PYTHONUNBUFFERED": "1",
            "NO_COLOR": "1",
            "COLUMNS": "120",
        }

    def _store(self) -> dict[str, str]:
        """Where the project's clients keep their store, unless Airflow was told of a server."""
        if self.variables.get(_CREDENTIALS):
            return _server(Path(self.variables[_CREDENTIALS]))
        if "ZENML_STORE_URL" in self.variables:
            return {}
        file = self.state / "zenml" / "config.yaml"
        try:
            return {"ZENML_STORE_URL": str(yaml.safe_load(file.read_text(encoding="utf-8"))["store"]["url"])}
        except (OSError, yaml.YAMLError, KeyError, TypeError):
            cure = "make one: python -m stacks.apply airflow --activate"
            raise UnusableError(f"{file}: no ZenML store of the project; {cure}") from None


def _existing(airflows: Mapping[str, str], name: str) -> Path:
    named = airflows.get(name)
    if not named or not Path(named).exists():
        what = f"names {named}, which is not there" if named else "is not set"
        raise UnusableError(f"Airflow's environment: {name} {what}; start Airflow with `make services-up`")
    return Path(named)


def _server(file: Path) -> dict[str, str]:
    """Read the address and the key of a ZenML server from ZENML_STORE_...=... lines."""
    try:
        lines = [line.strip() for line in file.read_text(encoding="utf-8").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise UnusableError(f"{_CREDENTIALS}: {file} cannot be read ({type(error).__name__})") from None
    pairs = dict(line.split("=", 1) for line in lines if line.startswith("ZENML_STORE_") and "=" in line)
    if "ZENML_STORE_URL" not in pairs:
        raise UnusableError(f"{_CREDENTIALS}: {file} has no line ZENML_STORE_URL=...; add it")
    return pairs
