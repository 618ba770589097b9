"""Programs that outlived a supervisord that was killed: found by its session, which they are still members of."""

import os
from collections.abc import Callable
from contextlib import suppress

import psutil

from infra.processes.place import Place

_PATIENCE = 20.0  # seconds


def end_left_behind(place: Place, say: Callable[[str], None]) -> bool:
    """End what a killed supervisord of this installation left running; says whether there was something."""
    found = _members(place)
    if not found:
        return False
    say(f"ending {len(found)} processes that outlived their supervisord")
    for process in found:
        with suppress(psutil.NoSuchProcess):
            process.terminate()
    _, left = psutil.wait_procs(found, timeout=_PATIENCE)
    for process in left:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(left, timeout=_PATIENCE)
    return True


def _members(place: Place) -> list[psutil.Process]:
    """The system gives the number of a session to nobody else while it has members, unless it was started anew."""
    file = place.run / "supervisord.pid"
    try:
        session, written = int(file.read_text(encoding="ascii")), file.stat().st_mtime
    except (OSError, ValueError):
        return []
    if written < psutil.boot_time() or psutil.pid_exists(session):
        return []
    return [process for process in psutil.process_iter() if _session(process.pid) == session]


def _session(pid: int) -> int:
    try:
        return os.getsid(pid)
    except OSError:
        return 0
