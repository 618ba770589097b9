"""Which process counts as the server of an endpoint."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from stacks.components.seldon_local.server_process import BUNDLE, ServerProcess


@pytest.fixture
def started(tmp_path: Path) -> Iterator[ServerProcess]:
    """A server's place, with a process there that has the server's environment."""
    bundle = tmp_path / "current"
    process = subprocess.Popen(["sleep", "60"], env={**os.environ, BUNDLE: str(bundle)}, start_new_session=True)
    (tmp_path / "pid").write_text(str(process.pid))
    yield ServerProcess(bundle, tmp_path / "python", tmp_path / "pid", tmp_path / "log")
    process.kill()
    process.wait()


def test_a_process_whose_environment_is_not_there_yet_is_waited_for(started, monkeypatch) -> None:
    true, seen = psutil.Process.environ, []

    def environ(process: psutil.Process) -> dict[str, str]:
        seen.append(process.pid)
        return {} if len(seen) < 3 else true(process)

    monkeypatch.setattr(psutil.Process, "environ", environ)
    found = started.find()
    assert found is not None
    assert len(seen) == 3


def test_a_process_of_something_else_is_not_ours(started, tmp_path: Path) -> None:
    assert ServerProcess(tmp_path / "other", started.python, started.pid_file, started.log_file).find() is None
