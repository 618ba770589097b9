"""Nothing that a request holds is written anywhere: canaries are planted in every place of it, and then searched."""

import json
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from health_predict.columns import INPUTS
from health_predict.record_schema import POSITIONAL
from health_predict.records import generate_records
from tests.serving.processes import PYTHON, ROOT, server

TEXT, NUMBER, CODE = "cAnArY7f3a", 987654321, "E987.65"  # the last is a valid diagnosis
CANARIES = (TEXT, str(NUMBER), CODE, "canary7f3a")
SELDON, DIRECT = "/api/v1.0/predictions", "/predict"
RECORD = generate_records(1, seed=5, share_missing=0.0)[0]
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def written(releases, tmp_path_factory) -> Iterator[tuple[list[httpx.Response], list[bytes], str]]:
    """Send every canary; return the answers, those to raw bytes, and what the server wrote until its end."""
    log = tmp_path_factory.mktemp("privacy") / "server.log"
    with server(releases["xgboost"], log) as started, httpx.Client(base_url=started.url) as client:
        answers = [client.send(request) for request in _requests(client)]
        raw = [_send_bytes(started.url, message) for message in _malformed()]
        answers.append(client.get("/metrics"))
        answers.append(client.get("/health"))
    yield answers, raw, log.read_text()


def _requests(client: httpx.Client) -> Iterator[httpx.Request]:
    for record in _records():
        rows = [[record.get(name) for name in POSITIONAL]]
        yield client.build_request("POST", DIRECT, json=record)
        yield client.build_request("POST", DIRECT, json=[RECORD, record], params={"explain": "true"})
        yield client.build_request("POST", SELDON, json={"jsonData": record})
        yield client.build_request("POST", SELDON, json={"data": {"ndarray": rows}})
        yield client.build_request("POST", SELDON, json={"data": {"names": list(record), "ndarray": rows}})
    for body in _bodies():
        for path in (DIRECT, SELDON):
            yield client.build_request("POST", path, content=body, headers=JSON)
    yield from _other_places(client)


def _records() -> Iterator[dict[str, object]]:
    for column in INPUTS:
        yield {**RECORD, column.name: TEXT}
        yield {**RECORD, column.name: NUMBER}
        yield {**RECORD, column.name: {TEXT: NUMBER}}
    yield {**RECORD, "diag_1": CODE, "diag_2": CODE, "diag_3": CODE}
    yield {**RECORD, TEXT: NUMBER}
    yield {**RECORD, f"metformin{TEXT}": "No"}


def _bodies() -> Iterator[bytes]:
    text = json.dumps({**RECORD, "diag_1": TEXT})
    yield text[:-1].encode()
    yield text.replace('"No"', f"{TEXT}").encode()
    yield text.encode("utf-16")
    yield f'{{"{TEXT}": 1, "{TEXT}": {NUMBER}}}'.encode()
    yield f'{{"{TEXT}": NaN}}'.encode()
    yield f'"{TEXT}"'.encode()
    yield b"\xff" + TEXT.encode()
    yield json.dumps({"strData": TEXT, "meta": {"tags": {"explain": TEXT, TEXT: NUMBER}}}).encode()
    yield json.dumps({"jsonData": {}, "meta": {"puid": TEXT, "tags": {TEXT: TEXT}}}).encode()
    yield json.dumps({"data": {"names": [TEXT], "ndarray": [[TEXT]]}}).encode()
    yield json.dumps({"data": {"tensor": {"values": [NUMBER]}, TEXT: 1}}).encode()
    yield ('"' + TEXT * 250_000 + '"').encode()  # too large


def _other_places(client: httpx.Client) -> Iterator[httpx.Request]:
    for path in (DIRECT, SELDON):
        yield client.build_request("POST", path, params={"json": TEXT}, json=RECORD)
        yield client.build_request("POST", path, params={TEXT: str(NUMBER)}, json=RECORD)
        yield client.build_request("POST", path, params={"explain": TEXT}, json=RECORD)
        yield client.build_request("POST", path, data={"json": TEXT})
        yield client.build_request("POST", path, files={"binData": TEXT.encode(), "strData": TEXT.encode()})
        yield client.build_request("POST", path, content=b"{}", headers={"Content-Type": TEXT})
        yield client.build_request("POST", path, json=RECORD, headers={TEXT: TEXT, "Cookie": TEXT, "Referer": TEXT})
        yield client.build_request("POST", path, json=RECORD, headers={"Host": TEXT, "Seldon-Puid": TEXT})
        yield client.build_request(TEXT.upper(), path)
    for path in (f"/{TEXT}", f"/predict/{TEXT}", f"/seldon.json?{TEXT}={NUMBER}", f"/health?{TEXT}={NUMBER}"):
        yield client.build_request("GET", path, headers={"Origin": f"https://{TEXT}.org"})
        yield client.build_request("OPTIONS", path, headers={"Origin": TEXT, "Access-Control-Request-Headers": TEXT})
    for path in ("/send-feedback", "/transform-input", "/api/v1.0/feedback", "/aggregate"):
        yield client.build_request("POST", path, json={"jsonData": TEXT})


def _malformed() -> Iterator[bytes]:
    text = TEXT.encode()
    head = b"POST /predict HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
    yield text + b"\r\n\r\n"
    yield b"GET /" + text + b" HTTP/9.9\r\n\r\n"
    yield b"GET /health HTTP/1.1\r\n" + text + b" " + text + b"\r\n\r\n"
    yield b"GET /health HTTP/1.1\r\nHost: a\r\nX: " + text * 5000 + b"\r\n\r\n"
    yield b"GET /" + text * 5000 + b" HTTP/1.1\r\nHost: a\r\n\r\n"
    yield head + b"Expect: " + text + b"\r\n\r\n"
    yield head + b"Transfer-Encoding: " + text + b"\r\n\r\n"
    yield head + b"Transfer-Encoding: chunked\r\n\r\n" + text + b"\r\n" + text + b"\r\n0\r\n\r\n"
    yield head + b"Content-Length: " + text + b"\r\n\r\n"
    yield head + b"Content-Length: 500\r\n\r\n" + text  # ends too early


def _send_bytes(url: str, message: bytes) -> bytes:
    address = urlsplit(url)
    with socket.create_connection((address.hostname, address.port), timeout=10) as connection:
        connection.sendall(message)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def test_no_answer_holds_a_canary(written) -> None:
    answers, raw, _ = written
    assert len(answers) > 700
    for response in answers:
        text = response.text + str(response.headers)
        assert not [canary for canary in CANARIES if canary in text], f"{response.request.url.path} {text[:300]}"
        assert response.status_code < 500
    for answer in raw:
        assert not [canary for canary in CANARIES if canary in answer.decode()], answer[:300]


def test_no_line_that_the_server_wrote_holds_a_canary(written) -> None:
    log = written[2]
    assert "serves Release" in log
    assert not [canary for canary in CANARIES if canary in log]
    assert len(log.splitlines()) < 8  # its start and its end, and nothing about a request


def test_what_is_not_http_is_answered_in_the_shape_of_a_refusal(written) -> None:
    codes = []
    for answer in written[1]:
        head, _, body = answer.partition(b"\r\n\r\n")
        codes.append(int(head.split()[1]))
        assert json.loads(body)["status"]["code"] == codes[-1]
    assert codes == [400, 400, 400, 431, 414, 417, 501, 400, 400, 400]


def test_a_failure_inside_is_answered_with_500_and_logged_by_its_place_alone(tmp_path: Path) -> None:
    done = subprocess.run(
        [PYTHON, Path(__file__).with_name("failing_scorer.py"), TEXT],
        env={"PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["500", "500", "500"]
    assert "failing_scorer.py" in done.stderr
    assert "ValueError" in done.stderr
    assert TEXT not in done.stdout + done.stderr
