"""A steady load on an endpoint from a few threads, and what came of it."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import requests

_ANSWER = 30.0  # seconds for one request


@dataclass
class Load:
    """Answers by model version, and the failures in words."""

    versions: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)


@contextmanager
def steady_load(url: str, record: dict, threads: int = 2, pause: float = 0.02) -> Iterator[Load]:
    """Post one record again and again, as long as the block lasts; every thread makes at least one request."""
    load, over = Load(), threading.Event()

    def post() -> None:
        with requests.Session() as session:
            while True:
                try:
                    answer = session.post(url, json={"jsonData": record}, timeout=_ANSWER)
                    answer.raise_for_status()
                    load.versions[answer.json()["meta"]["tags"]["model_version"]] += 1
                except (requests.RequestException, ValueError, KeyError) as error:
                    load.failures.append(f"{type(error).__name__}: {error}")
                if over.wait(pause):
                    return

    workers = [threading.Thread(target=post) for _ in range(threads)]
    for worker in workers:
        worker.start()
    try:
        yield load
    finally:
        over.set()
        for worker in workers:
            worker.join()
