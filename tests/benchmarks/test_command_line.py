import argparse
import subprocess
import sys
from collections.abc import Callable

import pytest

from benchmarks import command_line
from health_predict.errors import InfrastructureError, InputError


def ended(main: Callable[[], None]) -> int:
    with pytest.raises(SystemExit) as end:
        command_line.run(main)
    assert isinstance(end.value.code, int)
    return end.value.code


def failing(failure: BaseException) -> Callable[[], None]:
    def main() -> None:
        raise failure

    return main


@pytest.mark.parametrize(
    ("failure", "code", "line"),
    [
        (InputError("no such file"), 2, "error: no such file\n"),
        (InfrastructureError("no answer"), 5, "error: no answer\n"),
        (subprocess.CalledProcessError(3, ["run.py", "--status"]), 3, "error: run.py --status ended with 3\n"),
        (KeyboardInterrupt(), 130, "error: interrupted\n"),
    ],
)
def test_what_the_user_can_mend_is_one_line(
    failure: BaseException, code: int, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ended(failing(failure)) == code
    assert capsys.readouterr().err == line


def test_a_defect_keeps_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError):
        command_line.run(failing(ZeroDivisionError()))


def test_quick_says_that_its_figures_are_not_to_be_quoted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said = []
    for arguments in ([], ["--quick"]):
        monkeypatch.setattr(sys, "argv", ["benchmark", *arguments])
        assert command_line.parse(argparse.ArgumentParser()).quick == bool(arguments)
        said.append(capsys.readouterr().out)
    assert said == ["", "quick: shows that it runs; no figure below is to be quoted\n"]
