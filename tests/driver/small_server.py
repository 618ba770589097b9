"""A small real server on a free port that answers as it is told, in the place of Airflow, MLflow or a registry."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

NOBODY = "http://127.0.0.1:9"  # a port where nobody listens


@contextmanager
def answering(answers: Mapping[str, tuple[int, Any]]) -> Iterator[str]:
    """The URL of a server.

    Args:
        answers: by the longest beginning of "METHOD /path" that is in here; anything else is 404.
    """
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(answers))
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def _handler(answers: Mapping[str, tuple[int, Any]]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            asked = f"{self.command} {self.path}"
            known = [beginning for beginning in answers if asked.startswith(beginning)]
            status, content = answers[max(known, key=len)] if known else (404, {})
            body = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_GET = do_POST = do_HEAD = _answer  # noqa: N815 - the base class looks for these

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    return Handler
