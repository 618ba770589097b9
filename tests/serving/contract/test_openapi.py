"""The OpenAPI document is true: schemathesis generates requests from it and judges every answer by it."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from health_predict.record_schema import REQUEST_COLUMNS

HERE = Path(__file__).parent
SEED = "1"
EXAMPLES = "12"  # drawn at random for each address, beside those that cover every rule of the document
# the server has no accounts, and nothing that one request creates and another reads
TWIN = "/api/v0.1/predictions"  # described like v1.0, to the letter, and answered by the same view
NOT_APPLICABLE = "ignored_auth,use_after_free,ensure_resource_availability,object_level_authorization"

Exchange = dict[str, Any]


@pytest.fixture(scope="module")
def run(endpoint, tmp_path_factory) -> tuple[subprocess.CompletedProcess[str], list[Exchange]]:
    """Run schemathesis and return its result and every exchange it had with the server."""
    folder = tmp_path_factory.mktemp("schemathesis")
    har = folder / "exchanges.har"
    command = [Path(sys.executable).with_name("schemathesis"), "--config-file", HERE / "schemathesis.toml", "run"]
    options = ["--checks", "all", "--exclude-checks", NOT_APPLICABLE, "--phases", "coverage,fuzzing", "--seed", SEED]
    options += [
        "--exclude-path",
        TWIN,
        "--max-examples",
        EXAMPLES,
        "--no-shrink",
        "--report",
        "har",
        "--report-har-path",
        har,
    ]
    url = f"{str(endpoint.client.base_url).rstrip('/')}/openapi.json"
    done = subprocess.run([*command, url, *options], capture_output=True, text=True, cwd=folder, timeout=300)
    assert har.is_file(), done.stdout[:2000] + done.stderr[:2000]
    return done, json.loads(har.read_text())["log"]["entries"]


@pytest.mark.slow
def test_every_answer_is_as_documented(run) -> None:
    done, exchanges = run
    assert done.returncode == 0, "\n".join(line[:300] for line in done.stdout.splitlines()[-80:])
    assert len(exchanges) >= 1000


@pytest.mark.slow
def test_no_answer_is_a_failure_of_the_server(run) -> None:
    failures = [exchange for exchange in run[1] if exchange["response"]["status"] >= 500]
    assert not failures, [(e["request"]["method"], e["request"]["url"], e["response"]["status"]) for e in failures[:5]]


@pytest.mark.slow
def test_no_answer_quotes_its_request(run) -> None:
    answers = 0
    for exchange in run[1]:
        answer = exchange["response"]["content"].get("text", "")
        sent = {text for text in _sent(exchange["request"]) if _is_distinct(text)}
        answers += bool(sent and answer)
        assert not [text for text in sent if text in answer], f"quoted by {exchange['response']['status']}"
    assert answers > 100  # else nothing distinct was sent, and nothing shown


def _sent(request: Exchange) -> Iterator[str]:
    yield from (part for pair in parse_qsl(urlsplit(request["url"]).query) for part in pair)
    body = request.get("postData", {}).get("text", "")
    try:
        yield from _texts(json.loads(body))
    except ValueError:
        yield body


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif value is not None:
        yield str(value)


_DECLARED = {
    *(column.name for column in REQUEST_COLUMNS),
    *(column.name.replace("-", "_") for column in REQUEST_COLUMNS),
    *(category for column in REQUEST_COLUMNS for category in column.categories),
    *("jsonData", "data", "names", "ndarray", "meta", "tags", "explain", "true", "false", "True", "False"),
}


def _is_distinct(text: str) -> bool:
    """A text that no answer holds by chance: at least four characters, not declared, and no small number."""
    return len(text) >= 4 and text not in _DECLARED and re.fullmatch(r"-?\d{1,4}(\.0)?", text) is None
