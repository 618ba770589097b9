"""Draws the key with which clients and tasks enter the ZenML server: `python -m infra.compose.zenml_key`.

Logs in as the admin, makes a service account and a key of it, and writes both address and key to a file that its owner
alone can read. A key that is there and opens the server is kept.
"""

import json
import os
import sys
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from health_predict.errors import HealthPredictError, InfrastructureError
from infra.service_secrets import write_private
from infra.service_settings import HOST, read_settings
from stacks.value_file import read_values

ACCOUNT = "health-predict"
_KEY = "ZENML_STORE_API_KEY"
_PATIENCE = 30.0  # seconds


class RefusedError(Exception):
    """The server's answer, by its HTTP status, where it is not a success."""

    def __init__(self, code: int) -> None:
        super().__init__(f"HTTP {code}")
        self.code = code


@dataclass(frozen=True)
class ZenmlServer:
    """The REST interface, as far as it is needed here."""

    url: str

    def login(self, **form: str) -> str:
        """Return an access token; raises RefusedError."""
        answer: dict[str, str] = self._ask("POST", "login", urllib.parse.urlencode(form).encode())
        return answer["access_token"]

    def new_key(self, token: str, name: str) -> str:
        """Return a new key of the service account, which is made if it is missing."""
        account = self._account(token)
        body = json.dumps({"name": name, "description": "drawn by infra.compose"}).encode()
        key: dict[str, Any] = self._ask("POST", f"service_accounts/{account}/api_keys", body, token)
        return str(key["body"]["key"])

    def _account(self, token: str) -> str:
        try:
            found = self._ask("GET", f"service_accounts/{ACCOUNT}", None, token)
        except RefusedError as refusal:
            if refusal.code != 404:
                raise
            body = json.dumps({"name": ACCOUNT, "active": True, "description": "clients and tasks"}).encode()
            found = self._ask("POST", "service_accounts", body, token)
        return str(found["id"])

    def _ask(self, method: str, path: str, body: bytes | None, token: str | None = None) -> Any:  # noqa: ANN401 - JSON
        kind = "application/json" if token else "application/x-www-form-urlencoded"
        headers = {"Content-Type": kind, **({"Authorization": f"Bearer {token}"} if token else {})}
        request = urllib.request.Request(f"{self.url}/api/v1/{path}", body, headers, method=method)  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=_PATIENCE) as answer:  # noqa: S310 - http, our own address
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise RefusedError(error.code) from None
        except OSError as error:
            raise InfrastructureError(f"ZenML server at {self.url} does not answer ({error}); see its log") from None


def draw_key(server: ZenmlServer, password: str, file: Path) -> bool:
    """Write `file` unless the key in it opens the server; return whether a key was drawn.

    Raises InfrastructureError: the server does not answer, or refuses the admin's password.
    """
    if file.is_file() and _opens(server, read_values(file).get(_KEY, "")):
        return False
    try:
        token = server.login(username="admin", password=password)
    except RefusedError as refusal:
        raise InfrastructureError(
            f"ZenML server at {server.url} refuses ZENML_ADMIN_PASSWORD ({refusal.code}); "
            "its database was made with another one: put that into secrets.env"
        ) from None
    key = server.new_key(token, f"key-{datetime.now(UTC):%Y%m%d-%H%M%S}")
    write_private(file, f"# {ACCOUNT}'s key of the ZenML server\nZENML_STORE_URL={server.url}\n{_KEY}={key}\n")
    return True


def _opens(server: ZenmlServer, key: str) -> bool:
    try:
        return bool(server.login(grant_type="zenml-api-key", password=key))
    except RefusedError:
        return False


def main() -> None:
    """Draw the key for the server on this machine."""
    settings = read_settings()
    server = ZenmlServer(f"http://{HOST}:{settings.zenml_port}")
    file = settings.folder / "zenml.env"
    try:
        drawn = draw_key(server, os.environ["ZENML_ADMIN_PASSWORD"], file)
    except HealthPredictError as error:
        sys.exit(f"error: {error}")
    sys.stdout.write(f"{file}: {'a key was drawn' if drawn else 'its key is still good'}\n")


if __name__ == "__main__":
    main()
