"""The task of a driver DAG: runs run.py to its end, shows its lines in the log, and returns what came of it."""

import json
import os
import signal
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException

from health_predict_driver.environment import Installation, UnusableError

_RESULTS = (0, 3, 4)  # done; a refused promotion and drift are results, too
_WORDS = {2: "bad input", 5: "infrastructure unreachable", 130: "interrupted"}
_MERCY = 3.0  # seconds to end after SIGTERM; Airflow kills the task 5 seconds after it asked


class RunCommand(BaseOperator):
    """Runs `run.py` with arguments made from the DAG's parameters, in the project's own environment.

    Args:
        arguments: from the parameters of a DAG run to the arguments of run.py; never seen by a shell.
    """

    def __init__(self, *, arguments: Callable[[Mapping[str, Any]], list[str]], **others: Any) -> None:  # noqa: ANN401 - Airflow's own
        super().__init__(**others)
        self.arguments = arguments
        self._process: subprocess.Popen[str] | None = None

    def execute(self, context: Any) -> dict[str, Any]:  # noqa: ANN401 - Airflow's own
        """Return the result file of run.py, which becomes the XCom; fail with the last line that explains why."""
        try:
            here = Installation.of(os.environ)
            with tempfile.TemporaryDirectory(prefix="health-predict-") as folder:
                result = Path(folder) / "result.json"
                arguments = [*self.arguments(context["params"]), f"--result={result}"]
                self.log.info("run.py %s", " ".join(arguments[:-1]))
                code, reason = self._run(here, arguments, Path(folder))
                return concluded(code, reason, result)
        except UnusableError as error:
            raise AirflowFailException(str(error)) from None

    def on_kill(self) -> None:
        """End run.py and what it started, when the task is stopped or takes too long."""
        if self._process is None:
            return
        for ending in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, ending)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout=_MERCY)
                return

    def _run(self, here: Installation, arguments: list[str], folder: Path) -> tuple[int, str]:
        """Return the exit code and the last line, that of an error if there was one."""
        last = reason = ""
        self._process = subprocess.Popen(  # noqa: S603 - a list of words; no shell reads it
            [str(here.python), str(here.project / "run.py"), *arguments],
            cwd=here.project,
            env=here.environment(folder),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        for line in self._process.stdout or ():
            last = line.rstrip() or last
            reason = last if last.startswith("error: ") else reason
            self.log.info("%s", line.rstrip())
        return self._process.wait(), (reason or last).removeprefix("error: ")


def concluded(code: int, reason: str, result: Path) -> dict[str, Any]:
    """Return what run.py wrote.

    Args:
        code: that run.py ended with; below 0 the signal that ended it.
        reason: its last line.

    Raises:
        AirflowFailException: it failed; running it again at once would not help, so Airflow does not.
    """
    if code < 0:
        raise AirflowFailException(f"run.py was ended by {signal.Signals(-code).name}; its last line: {reason}")
    if code not in _RESULTS:
        what = _WORDS.get(code, f"exit code {code}")
        raise AirflowFailException(f"{reason or 'run.py said nothing'} ({what})")
    try:
        told: dict[str, Any] = json.loads(result.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise AirflowFailException(f"run.py ended with exit code {code} and left no result; {reason}") from None
    return told
