"""Starts a command in a session of its own and leaves: `python launch.py PID_FILE LOG_FILE COMMAND...`.

The command outlives this process, the one that called it, and an orchestrator's task around both. Run as a file, so
that nothing but the standard library is imported.
"""

import subprocess
import sys
from pathlib import Path


def main(pid_file: str, log_file: str, *command: str) -> None:
    """Write the pid before leaving: whoever waits for this process finds it."""
    with Path(log_file).open("ab") as log:
        process = subprocess.Popen(  # noqa: S603 - the deployer's own command
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    complete = Path(f"{pid_file}.new")
    complete.write_text(str(process.pid))
    complete.replace(pid_file)


if __name__ == "__main__":
    main(*sys.argv[1:])
