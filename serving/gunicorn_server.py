"""gunicorn around the application: one worker of a few threads, and no line of a request in any log.

One process holds the model and the metrics; a pod scales by replicas.
"""

from __future__ import annotations

import json
import socket
import struct
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger
from gunicorn.http import errors
from gunicorn.workers.gthread import ThreadWorker

from health_predict.errors import InfrastructureError
from serving import refusals
from serving.places import kind_and_place
from serving.settings import Settings
from serving.thread_pool import LatestFirstPool

if TYPE_CHECKING:
    from _typeshed.wsgi import InputStream, StartResponse, WSGIApplication, WSGIEnvironment

SECONDS_TO_FINISH = 10  # for requests under way when the server is told to stop
SECONDS_TO_SEND = 5  # after which a client that sends nothing gives its thread back
_DRAINED, _BLOCK = 16 * 2**20, 2**16  # bytes
_CODES: Mapping[type[BaseException], int] = {
    errors.LimitRequestLine: 414,
    errors.ExpectationFailed: 417,
    errors.LimitRequestHeaders: 431,
    errors.UnsupportedTransferCoding: 501,
}


class Server(BaseApplication):
    """Runs `load` in the worker and serves what it returns."""

    def __init__(self, settings: Settings, load: Callable[[], WSGIApplication], listening: socket.socket) -> None:
        self._settings = settings
        self._load = load
        self._listening = listening
        super().__init__()

    def load_config(self) -> None:
        """Set every option that matters here; gunicorn reads no file and no command line."""
        memory = Path("/dev/shm")  # noqa: S108 - for gunicorn's nameless heartbeat file where the disk is read-only
        options = {
            "bind": [f"fd://{self._listening.detach()}"],  # gunicorn closes it
            "workers": 1,
            "worker_class": QuietWorker,
            "logger_class": QuietLogger,
            "threads": self._settings.threads,
            "keepalive": 75,  # seconds; longer than a proxy holds its idle connections
            "graceful_timeout": SECONDS_TO_FINISH,
            "worker_tmp_dir": str(memory) if memory.is_dir() else None,
            "loglevel": "warning",
            "control_socket_disable": True,
        }
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> WSGIApplication:
        """Build the application, in the worker."""
        return closing_after_413(self._load())


def closing_after_413(application: WSGIApplication) -> WSGIApplication:
    """Announce the end of the connection with a 413, since the rest of its body stays unread.

    Up to 16 MiB of it are taken from the client first: one that is still sending would see a reset and no answer.
    """

    def run(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:  # noqa: ANN401 - WSGI
            if status.startswith("413"):
                _drain(environ["wsgi.input"])
                start_response.__self__.force_close()  # type: ignore[attr-defined] # gunicorn's Response
            return start_response(status, headers, *more)

        return application(environ, start)

    return run


def _drain(body: InputStream) -> None:
    with suppress(OSError, errors.ParseException):
        for _ in range(_DRAINED // _BLOCK):
            if not body.read(_BLOCK):
                return


class QuietLogger(Logger):
    """Names the kind of an exception; its text and its stack could hold a part of a request."""

    def exception(self, *_: Any, **__: Any) -> None:  # noqa: ANN401 - gunicorn's signature
        """Log what gunicorn met where, without the arguments of its message."""
        self.error_log.error("gunicorn met %s", kind_and_place(sys.exc_info()[1]))


class QuietWorker(ThreadWorker):
    """A worker that answers unreadable HTTP in the shape of every other refusal, without quoting it."""

    def get_thread_pool(self) -> LatestFirstPool:
        """Replace the standard library's pool."""
        return LatestFirstPool(self.cfg.threads)

    def handle_error(self, _request: object, client: socket.socket, _address: object, exc: BaseException) -> None:
        """Answer what could not be parsed as a request, and close."""
        code = next((code for kind, code in _CODES.items() if isinstance(exc, kind)), 400)
        if not isinstance(exc, errors.ParseException):
            self.log.exception()
            code = 500
        with suppress(OSError):  # a client that has gone needs no answer
            client.sendall(_response(refusals.of_code(code)))


def _response(refusal: refusals.Refusal) -> bytes:
    body = json.dumps(refusal.body()).encode()
    head = (
        f"HTTP/1.1 {refusal.code} {refusal.reason}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        "Connection: close",
    )
    return "\r\n".join((*head, "", "")).encode() + body


def listen(settings: Settings) -> socket.socket:
    """Bind the port.

    Raises:
        InfrastructureError: it is taken, or the host is not one of this machine.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # inherited by every accepted socket
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", SECONDS_TO_SEND, 0))
    try:
        listening.bind((settings.host, settings.port))
        listening.listen(512)
    except OSError as error:
        listening.close()
        where = f"{settings.host}:{settings.port}"
        raise InfrastructureError(
            f"cannot listen on {where} ({error.strerror}); set PREDICTIVE_UNIT_HTTP_SERVICE_PORT to a free port"
        ) from None
    listening.set_inheritable(True)
    return listening
