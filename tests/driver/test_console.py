"""What a user sees of an interruption."""

import pytest

from driver.console import explained


@pytest.mark.parametrize(
    ("left", "says"),
    [
        (KeyboardInterrupt(), "error: interrupted; run the same command again"),
        (KeyboardInterrupt("the run goes on: http://127.0.0.1:8080"), "error: the run goes on: http://127.0.0.1:8080"),
    ],
    ids=["here", "elsewhere"],
)
def test_it_says_what_became_of_the_work(left: KeyboardInterrupt, says: str, capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit) as ended, explained(verbose=False):
        raise left
    assert ended.value.code == 130
    assert capsys.readouterr().err.strip() == says
