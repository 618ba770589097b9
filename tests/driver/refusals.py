"""A folder with one file of encounters, and what a refused command must look like."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from health_predict.columns import COLUMNS
from health_predict.records import generate_records
from tests.strategies import csv_text, frame

CANARY = "CANARY-31415"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Holds in.csv of 40 encounters; the state folder in it is not there yet."""
    monkeypatch.setenv("HEALTH_PREDICT_STATE", str(tmp_path / "state"))
    (tmp_path / "in.csv").write_text(csv_text(frame(generate_records(40, 1, columns=COLUMNS), COLUMNS)))
    return tmp_path


def command(pipeline: str, *arguments: str | Path) -> Result:
    """Run the command line in this process."""
    from run import main

    return CliRunner().invoke(main, ["--pipeline", pipeline, *map(str, arguments)], catch_exceptions=False)


def assert_refused(result: Result, folder: Path, *words: str, code: int = 2) -> None:
    """One line with these words and no value of a patient; nothing was begun."""
    assert result.exit_code == code, result.output
    (line,) = result.stderr.splitlines()
    assert line.startswith("error: ")
    for word in words:
        assert word in line
    assert CANARY not in result.output
    assert not (folder / "state").exists()
