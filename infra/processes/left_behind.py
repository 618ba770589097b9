"""Programs that outlived their supervisord, or a program of it that was killed: members of its session still."""

import os
from collections.abc import Callable
from contextlib import suppress

import psutil

from infra.processes.place import Place

_PATIENCE = 10.0  # seconds


def end_left_behind(place: Place, say: Callable[[str], None]) -> bool:
    """End what a killed supervisord of this installation left running; says whether there was something."""
    session = session_of(place)
    return session is not None and not psutil.pid_exists(session) and end_session(session, say)


def session_of(place: Place) -> int | None:
    """The session of this installation's supervisord, which is its process id; None if it never ran."""
    file = place.run / "supervisord.pid"
    try:
        session, written = int(file.read_text(encoding="ascii")), file.stat().st_mtime
    except (OSError, ValueError):
        return None
    return None if written < psutil.boot_time() else session


def end_session(session: int, say: Callable[[str], None]) -> bool:
    """End every member of the session of a supervisord that is gone; says whether there was one.

    The system gives the number of a session to nobody else while it has members, unless it was started anew.
    """
    found = [process for process in psutil.process_iter() if _session(process.pid) == session]
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


def _session(pid: int) -> int:
    try:
        return os.getsid(pid)
    except OSError:
        return 0
