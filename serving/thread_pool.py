"""A pool of threads in which the thread that worked last works next.

The standard library's pool wakes the thread that has waited longest. Under a light load each request then meets code
and model in the cache of another core, which costs an eighth of the server's processor time (`benchmarks.serving`).
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future
from functools import partial
from queue import SimpleQueue
from typing import Any, ParamSpec, TypeVar

_Parameters = ParamSpec("_Parameters")
_Result = TypeVar("_Result")
_Job = tuple["Future[Any]", Callable[[], Any]]
_Inbox = SimpleQueue["_Job | None"]  # of one thread; None ends it


class LatestFirstPool(Executor):
    """Starts a thread when none is idle, up to `threads`; further jobs wait in the order in which they came."""

    def __init__(self, threads: int) -> None:
        self._lock = threading.Lock()
        self._startable = threads
        self._idle: list[_Inbox] = []
        self._waiting: deque[_Job] = deque()
        self._closed = False

    def submit(
        self, fn: Callable[_Parameters, _Result], /, *args: _Parameters.args, **kwargs: _Parameters.kwargs
    ) -> Future[_Result]:
        """Run `fn` in a thread; RuntimeError after a shutdown."""
        future: Future[_Result] = Future()
        job: _Job = (future, partial(fn, *args, **kwargs))
        with self._lock:
            if self._closed:
                raise RuntimeError("the pool is shut down")
            if self._idle:
                self._idle.pop().put(job)
            elif self._startable:
                self._start(job)
            else:
                self._waiting.append(job)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: ARG002 - Executor's
        """Take no more jobs; threads end when they have none left. It never waits: gunicorn has waited before."""
        with self._lock:
            self._closed = True
            for inbox in self._idle:
                inbox.put(None)
            self._idle.clear()

    def _start(self, job: _Job) -> None:
        self._startable -= 1
        inbox: _Inbox = SimpleQueue()
        inbox.put(job)
        threading.Thread(target=self._work, args=(inbox,), name="requests", daemon=True).start()

    def _work(self, inbox: _Inbox) -> None:
        job = inbox.get()
        while job is not None:
            _run(*job)
            del job  # an idle thread keeps no request
            self._ask(inbox)
            job = inbox.get()

    def _ask(self, inbox: _Inbox) -> None:
        """Put the next job into the inbox of a thread that has finished one, or note that it is idle."""
        with self._lock:
            if self._waiting:
                inbox.put(self._waiting.popleft())
            elif self._closed:
                inbox.put(None)
            else:
                self._idle.append(inbox)


def _run(future: Future[Any], call: Callable[[], Any]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = call()
    except BaseException as error:
        future.set_exception(error)
    else:
        future.set_result(result)
