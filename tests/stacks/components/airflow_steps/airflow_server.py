"""A server that answers as Airflow's API does, from a table of answers."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HEALTHY = {part: {"status": "healthy"} for part in ("metadatabase", "scheduler", "dag_processor")}

WELL: dict[str, object] = {"GET /api/v2/monitor/health": HEALTHY}


@dataclass
class Airflow:
    """Answers by `METHOD path`; `asked` is what came.

    An answer is a body, a status, a function that returns one, or a list of these, used up one by one.
    """

    url: str = ""
    knows: str = "right"
    answers: dict[str, object] = field(default_factory=lambda: dict(WELL))
    tokens: int = 0
    valid: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)

    def answer(self, request: str, token: str, body: dict) -> tuple[int, object]:
        self.asked.append(request)
        if request == "POST /auth/token":
            if body.get("password") != self.knows:
                return 401, {}
            self.tokens += 1
            self.valid.add(f"token{self.tokens}")
            return 201, {"access_token": f"token{self.tokens}"}
        if "health" not in request and token.removeprefix("Bearer ") not in self.valid:
            return 401, {}
        given = self.answers.get(request, 404)
        if isinstance(given, list):
            given = given.pop(0)
        if callable(given):
            given = given()
        return (given, {}) if isinstance(given, int) else (200, given)


@contextmanager
def airflow_server() -> Iterator[Airflow]:
    """Serve on a free port of this machine until the end of the block."""
    airflow = Airflow()

    class Handler(BaseHTTPRequestHandler):
        def do(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            request = f"{self.command} {self.path.split('?')[0]}"
            status, answer = airflow.answer(
                request, self.headers.get("Authorization", ""), json.loads(body) if body else {}
            )
            told = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(told)))
            self.end_headers()
            self.wfile.write(told)

        do_GET = do_POST = do_PATCH = do_DELETE = do  # noqa: N815

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    airflow.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield airflow
    server.shutdown()
    server.server_close()
