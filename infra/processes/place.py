"""Where the processes of an installation keep their files, and what they are all told."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from infra.service_settings import ServiceSettings
from stacks.environment import NO_ANALYTICS, PROJECT

PIPELINES, SERVICES = PROJECT / ".venv", PROJECT / ".venv-services"
# of the environment of whoever starts them, only this reaches the programs
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")
_CERTIFICATES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_INHERITED = ("HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", *_PROXIES, *_CERTIFICATES)


@dataclass(frozen=True)
class Place:
    """An installation: its settings, its secrets and its folders."""

    settings: ServiceSettings
    secrets: Mapping[str, str] = field(repr=False)

    @property
    def run(self) -> Path:
        """What only the owner may enter: socket, program file, files with passwords."""
        return self.settings.folder / "run"

    @property
    def logs(self) -> Path:
        """One log file a program."""
        return self.settings.folder / "logs"

    @property
    def postgres(self) -> Path:
        """PostgreSQL's data and socket."""
        return self.settings.folder / "postgres"

    @property
    def s3(self) -> Path:
        """The buckets, as folders."""
        return self.settings.folder / "s3"

    @property
    def airflow(self) -> Path:
        """AIRFLOW_HOME."""
        return self.settings.folder / "airflow"

    def database(self, name: str, driver: str) -> str:
        """The address of a database, with its password."""
        login = f"postgres:{self.secrets['POSTGRES_PASSWORD']}"
        return f"postgresql+{driver}://{login}@127.0.0.1:{self.settings.postgres_port}/{name}"


def basic_environment(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """What every program gets: a plain PATH, no analytics, and nothing else of the caller's."""
    inherited = {name: environment[name] for name in _INHERITED if environment.get(name)}
    return {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", **NO_ANALYTICS, **inherited}
