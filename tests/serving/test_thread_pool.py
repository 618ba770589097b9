"""The pool of request threads."""

import threading
import time
from collections.abc import Iterator

import pytest

from serving.thread_pool import LatestFirstPool

SECONDS = 10


@pytest.fixture
def pool() -> Iterator[LatestFirstPool]:
    made = LatestFirstPool(3)
    yield made
    made.shutdown()


def wait_for_idle(pool: LatestFirstPool, threads: int) -> None:
    until = time.monotonic() + SECONDS
    while len(pool._idle) < threads and time.monotonic() < until:
        time.sleep(0.001)
    assert len(pool._idle) == threads


def at_once(pool: LatestFirstPool, jobs: int) -> set[int]:
    """Run jobs that wait for each other; return the threads that they ran in."""
    together = threading.Barrier(jobs)

    def job() -> int:
        together.wait(SECONDS)
        return threading.get_ident()

    return {future.result(SECONDS) for future in [pool.submit(job) for _ in range(jobs)]}


def test_the_thread_that_worked_last_works_next(pool) -> None:
    assert len(at_once(pool, 3)) == 3
    used = set()
    for _ in range(20):
        wait_for_idle(pool, 3)
        used.add(pool.submit(threading.get_ident).result(SECONDS))
    assert len(used) == 1


def test_a_thread_is_started_only_when_none_is_idle(pool) -> None:
    for _ in range(20):
        pool.submit(int).result(SECONDS)
        wait_for_idle(pool, 1)


def test_further_jobs_wait_and_run_in_their_order() -> None:
    pool = LatestFirstPool(1)
    free = threading.Event()
    done: list[int] = []
    held = pool.submit(free.wait, SECONDS)
    waiting = [pool.submit(done.append, i) for i in range(50)]
    assert not done
    free.set()
    for future in (held, *waiting):
        future.result(SECONDS)
    assert done == list(range(50))
    pool.shutdown()


def test_an_exception_reaches_the_future_and_the_thread_goes_on(pool) -> None:
    with pytest.raises(ZeroDivisionError):
        pool.submit(lambda: 1 / 0).result(SECONDS)
    assert pool.submit(int, "7").result(SECONDS) == 7


def test_a_job_that_is_cancelled_before_its_turn_does_not_run(pool) -> None:
    free = threading.Event()
    held = [pool.submit(free.wait, SECONDS) for _ in range(3)]
    ran: list[int] = []
    late = pool.submit(ran.append, 1)
    assert late.cancel()
    free.set()
    for future in held:
        future.result(SECONDS)
    pool.submit(int).result(SECONDS)
    assert not ran


def test_a_shutdown_refuses_further_jobs_finishes_the_old_and_ends_the_threads() -> None:
    pool = LatestFirstPool(2)
    free = threading.Event()
    before = set(threading.enumerate())
    held = [pool.submit(free.wait, SECONDS) for _ in range(2)]
    threads = set(threading.enumerate()) - before
    late = pool.submit(int, "7")
    pool.shutdown(wait=False)
    with pytest.raises(RuntimeError):
        pool.submit(int)
    free.set()
    assert late.result(SECONDS) == 7
    assert all(future.result(SECONDS) for future in held)
    for thread in threads:
        thread.join(SECONDS)
        assert not thread.is_alive()
    assert len(threads) == 2
