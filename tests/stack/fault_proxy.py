"""An HTTP proxy in front of a service, which can answer 503 in its place for a while."""

import http.client
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread

_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding"}


class FaultProxy:
    """Passes requests on to 127.0.0.1:`port`, or refuses them while `failing`."""

    def __init__(self, port: int) -> None:
        self.failing = Event()
        self.refused = 0
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self, port))
        Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @contextmanager
    def answering_503(self) -> Iterator[None]:
        self.failing.set()
        try:
            yield
        finally:
            self.failing.clear()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def _handler(proxy: FaultProxy, port: int) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if proxy.failing.is_set():
                proxy.refused += 1
                self._answer(503, [], b"<Error><Code>ServiceUnavailable</Code></Error>")
                return
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            # the Host header is part of what was signed
            connection.request(self.command, self.path, body, dict(self.headers.items()))
            answer = connection.getresponse()
            content = answer.read()
            self._answer(answer.status, answer.getheaders(), content)
            connection.close()

        def _answer(self, status: int, headers: list[tuple[str, str]], content: bytes) -> None:
            self.send_response_only(status)
            for name, value in headers:
                if name.lower() not in _HOP_BY_HOP | {"content-length"}:
                    self.send_header(name, value)
            # what a HEAD request is told of a content that does not follow
            length = {k.lower(): v for k, v in headers}.get("content-length") if self.command == "HEAD" else None
            self.send_header("Content-Length", length or str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _pass_on  # noqa: N815 - the base class looks for these

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    return Handler
