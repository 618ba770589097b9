"""Progress of the long parts: a live bar on a terminal, a line every ten seconds in a log."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

_LOG = logging.getLogger("health_predict")
_SECONDS_BETWEEN_LINES = 10.0

Report = Callable[[int, int, str], None]  # done, of, remark


@contextmanager
def show_progress(title: str) -> Iterator[Report]:
    """Yield a function that shows how much of `title` is done."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _lines(title)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, TextColumn("{task.fields[remark]}"), console=console, transient=True) as bars:
        task = bars.add_task(title, remark="", total=None)
        yield lambda done, of, remark: bars.update(task, completed=done, total=of, remark=remark)


def _lines(title: str) -> Report:
    last = time.monotonic()

    def report(done: int, of: int, remark: str) -> None:
        nonlocal last
        if done == of or time.monotonic() - last >= _SECONDS_BETWEEN_LINES:
            last = time.monotonic()
            _LOG.info("%s: %d of %d %s", title, done, of, remark)

    return report
