"""The secrets of the services: drawn once, kept in one file that its owner alone can read, refused when weak."""

import base64
import os
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from health_predict.errors import InfrastructureError, InputError
from infra.service_settings import ServiceSettings
from stacks.value_file import read_secret_values

# what tutorials, images and this project's forerunners come with
_DEFAULTS = (
    "admin",
    "airflow",
    "changeme",
    "health-predict",
    "minio",
    "mlflow",
    "mysql",
    "password",
    "postgres",
    "secret",
)
_KNOWN = frozenset(
    {word * times for word in _DEFAULTS for times in (1, 2, 3, 4)}
    | {f"{word}{end}" for word in _DEFAULTS for end in ("123", "1234", "12345678", "password", "admin", "_secret_key")}
    | {"password1234", "minioadmin", "rootpassword", "temporary_key", "AKIAIOSFODNN7EXAMPLE"}
    | {"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "46BKJoQYlPPOexq0OhDZnIlNepKFf87WFwLbfzqDDho="}
)
# the keys of an S3 service elsewhere, by the variable that holds them
GIVEN_ELSEWHERE = {"S3_ACCESS_KEY": "AWS_ACCESS_KEY_ID", "S3_SECRET_KEY": "AWS_SECRET_ACCESS_KEY"}


def _text() -> str:
    """32 random bytes in characters that need no quoting in an address, a shell or an INI file."""
    return secrets.token_hex(32)


def _fernet() -> str:
    """32 random bytes as Fernet wants them."""
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()


@dataclass(frozen=True)
class _Kind:
    draw: Callable[[], str]
    shortest: int  # characters


_LONG, _PASSWORD = _Kind(_text, 32), _Kind(lambda: secrets.token_urlsafe(24).replace("-", "x").replace("_", "y"), 16)
_KINDS: Mapping[str, _Kind] = {
    "POSTGRES_PASSWORD": _PASSWORD,
    "AIRFLOW_FERNET_KEY": _Kind(_fernet, 44),
    "AIRFLOW_JWT_SECRET": _LONG,
    "AIRFLOW_SECRET_KEY": _LONG,
    "AIRFLOW_ADMIN_PASSWORD": _PASSWORD,
    "MLFLOW_ADMIN_PASSWORD": _PASSWORD,
    "MLFLOW_SECRET_KEY": _LONG,
    "S3_ACCESS_KEY": _Kind(lambda: secrets.token_hex(10).upper(), 3),
    "S3_SECRET_KEY": _Kind(_text, 8),
    "ZENML_ADMIN_PASSWORD": _PASSWORD,
    "MYSQL_ROOT_PASSWORD": _PASSWORD,
    "MYSQL_PASSWORD": _PASSWORD,
    "JUPYTER_TOKEN": _LONG,
}


def prepare_secrets(settings: ServiceSettings, environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Draw the secrets into their file unless it is there (mode 0600 from its first byte), and return them checked.

    Where the settings name an S3 service elsewhere, its keys are taken from the environment instead of drawn.

    Raises InputError for a weak, missing or readable secret, InfrastructureError if the file cannot be written.
    """
    if not settings.secrets.exists():
        given = _given_keys(settings.s3_endpoint, environment)
        _write_once(settings.secrets, {name: kind.draw() for name, kind in _KINDS.items()} | given)
    return load_secrets(settings.secrets)


def draw_anew(path: Path, kept: Mapping[str, str]) -> dict[str, str]:
    """Draw other secrets into a file beside that of the secrets, unless it is there, and return them checked.

    Args:
        kept: secrets that stay as they are.
    """
    drawn = _drawn_beside(path)
    if not drawn.exists():
        _write_once(drawn, {name: kind.draw() for name, kind in _KINDS.items()} | dict(kept))
    return load_secrets(drawn)


def adopt_drawn(path: Path) -> None:
    """Put what `draw_anew` drew in the place of the secrets, in one step."""
    _drawn_beside(path).replace(path)


def _drawn_beside(path: Path) -> Path:
    return path.with_name(f"{path.name}.next")


def load_secrets(path: Path) -> dict[str, str]:
    """Return the secrets by name.

    Raises InputError, naming file, key and cure, if others can read the file or a secret is missing, empty, short or
    a known default; InfrastructureError if there is no file.
    """
    if not path.exists():
        raise InfrastructureError(f"{path}: there are no secrets yet; run: make services-up")
    values = read_secret_values(path)
    for name, kind in _KINDS.items():
        _check(path, name, values.get(name, ""), kind.shortest)
    return values


def _check(path: Path, name: str, value: str, shortest: int) -> None:
    cure = f"put a random one there: {name}=$(openssl rand -hex 32)"
    if name == "AIRFLOW_FERNET_KEY":
        cure = f"put a random one there: {name}=$(openssl rand -base64 32 | tr +/ -_)"
    if not value:
        raise InputError(f"{path}: {name} is missing; {cure}")
    if value.lower() in _KNOWN or value in _KNOWN:
        raise InputError(f"{path}: {name} is a known default; {cure}")
    if len(value) < shortest or len(set(value)) < min(shortest, 6):
        raise InputError(f"{path}: {name} is too weak, it needs {shortest} random characters; {cure}")
    if name == "AIRFLOW_FERNET_KEY" and not _is_fernet(value):
        raise InputError(f"{path}: {name} is not a Fernet key; {cure}")


def _is_fernet(value: str) -> bool:
    try:
        return len(base64.b64decode(value.encode(), altchars=b"-_", validate=True)) == 32
    except ValueError:
        return False


def _given_keys(endpoint: str, environment: Mapping[str, str]) -> dict[str, str]:
    if not endpoint:
        return {}
    for variable in GIVEN_ELSEWHERE.values():
        if not environment.get(variable):
            raise InputError(f"HEALTH_PREDICT_S3_ENDPOINT is {endpoint}, but {variable} is not set; set its key pair")
    return {name: environment[variable] for name, variable in GIVEN_ELSEWHERE.items()}


def _write_once(path: Path, values: Mapping[str, str]) -> None:
    """Under another name first, then linked, which never replaces: of two at once, one wins and both read its file."""
    content = "# Drawn once by make services-up. Whoever reads this file can use the services.\n"
    content += "".join(f"{name}={value}\n" for name, value in values.items())
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_private(draft, content)
        path.hardlink_to(draft)
    except FileExistsError:
        pass
    except OSError as error:
        raise InfrastructureError(f"{path}: cannot be written: {error.strerror}; set HEALTH_PREDICT_STATE") from None
    finally:
        draft.unlink(missing_ok=True)


def write_private(path: Path, content: str) -> None:
    """Write a file that nobody but its owner can read at any moment, in place of an older one."""
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(content)
        file.flush()
        os.fsync(descriptor)
