"""The command line: help, and bad input as one line with its exit code and nothing changed."""

import csv
import io
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from health_predict.reading import CSV_NAME
from health_predict.synthetic import sample_encounters

CANARY = "CANARY-31415"


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "state"
    monkeypatch.setenv("HEALTH_PREDICT_STATE", str(folder))
    monkeypatch.delenv("HEALTH_PREDICT_DATA", raising=False)
    return folder


@pytest.fixture(scope="module")
def content() -> str:
    """A valid file of 2,000 invented encounters."""
    buffer = io.StringIO()
    sample_encounters(2000, seed=1).to_csv(buffer, index=False, na_rep="?")
    return buffer.getvalue()


def run(*arguments: str) -> Result:
    from run import main

    return CliRunner().invoke(main, list(arguments), catch_exceptions=False)


def dry(data: Path | str, *more: str) -> Result:
    return run("--pipeline", "train", "--dry-run", "--data", str(data), *more)


def edited(content: str, column: str, value: str, rows: int = 1) -> str:
    """Put `value` into the first `rows` rows of a column."""
    table = list(csv.reader(io.StringIO(content)))
    for row in table[1 : rows + 1]:
        row[table[0].index(column)] = value
    buffer = io.StringIO()
    csv.writer(buffer).writerows(table)
    return buffer.getvalue()


def assert_one_line(result: Result, code: int, *words: str) -> None:
    assert result.exit_code == code, result.output
    lines = [line for line in result.stderr.splitlines() if line]
    assert len(lines) == 1
    assert lines[0].startswith("error: ")
    for word in words:
        assert word in lines[0]
    assert CANARY not in result.output + result.stderr


def test_help_has_examples_and_exit_codes() -> None:
    result = run("--help")
    assert result.exit_code == 0
    for words in ("python run.py --pipeline train", "Exit codes:", "5  infrastructure unreachable", "--fail-on"):
        assert words in result.output


def test_nothing_asked_is_help_and_a_usage_error() -> None:
    result = run()
    assert result.exit_code == 2
    assert "Examples:" in result.output


def test_a_dry_run_checks_everything_and_changes_nothing(state: Path, tmp_path: Path, content: str) -> None:
    file = tmp_path / "mine.csv"
    file.write_text(content)
    result = dry(file)
    assert result.exit_code == 0
    assert "mine.csv (file, from --data), 2,000 encounters" in result.output
    assert "nothing was changed" in result.output
    assert not state.exists()


def test_a_synthetic_dry_run_says_so(state: Path) -> None:
    assert "SYNTHETIC DATA" in dry("synthetic").output
    assert not state.exists()


@pytest.mark.parametrize(
    ("column", "value", "rows", "words"),
    [
        ("race", CANARY, 3, ("'race'", "3 rows", "declared categories")),
        ("num_medications", CANARY, 2, ("'num_medications'", "2 rows", "whole number")),
        ("time_in_hospital", "99", 1, ("'time_in_hospital'", "1 row", "1 to 14")),
        ("diag_1", CANARY, 1, ("'diag_1'", "1 row", "ICD-9")),
        ("gender", "?", 4, ("'gender'", "4 rows", "missing")),
    ],
)
def test_a_bad_value_names_file_column_and_rows(
    state: Path, tmp_path: Path, content: str, column: str, value: str, rows: int, words: tuple[str, ...]
) -> None:
    file = tmp_path / "mine.csv"
    file.write_text(edited(content, column, value, rows))
    assert_one_line(dry(file), 2, "mine.csv", *words)
    assert not state.exists()


def _zip(folder: Path, member: str, text: str) -> Path:
    path = folder / "data.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(member, text)
    return path


def test_bad_files(state: Path, tmp_path: Path, content: str) -> None:
    header = content.splitlines()[0]
    cases = {
        "renamed.csv": (content.replace("race", "Race", 1), ("'race' is missing", "rename column 'Race'")),
        "short.csv": (
            "\n".join(line.partition(",")[2] for line in content.splitlines()),
            ("'encounter_id' is missing",),
        ),
        "empty.csv": ("", ("empty",)),
        "header.csv": (header + "\n", ("no rows",)),
        "picture.csv": ("\x89PNG\r\n\x1a\n" + "x" * 50, ("picture.csv",)),
        "other.csv": ("a,b\n1,2\n", ("not the diabetes file",)),
    }
    for name, (text, words) in cases.items():
        (tmp_path / name).write_text(text)
        assert_one_line(dry(tmp_path / name), 2, name, *words)
    assert_one_line(dry(_zip(tmp_path, "readme.txt", "x")), 2, "data.zip", CSV_NAME)
    whole = _zip(tmp_path, CSV_NAME, content).read_bytes()
    (tmp_path / "cut.zip").write_bytes(whole[: len(whole) // 2])
    assert_one_line(dry(tmp_path / "cut.zip"), 2, "cut.zip", "truncated or broken")
    assert_one_line(dry(tmp_path / "absent.csv"), 2, "absent.csv", "no such file")
    assert_one_line(dry(tmp_path), 2, "cannot be read")
    assert_one_line(dry("s3://only-a-bucket"), 2, "s3://bucket/key")
    assert not state.exists()


def test_too_few_encounters_to_split(state: Path, tmp_path: Path, content: str) -> None:
    file = tmp_path / "tiny.csv"
    file.write_text("\n".join(content.splitlines()[:60]) + "\n")
    assert_one_line(dry(file), 2, "fewer than 50 patients")


def test_bad_configuration_and_no_disk_space(state: Path) -> None:
    assert_one_line(dry("synthetic", "--set", "serach.trials=3"), 2, "did you mean search?")
    assert_one_line(dry("synthetic", "--config", "quik"), 2, "--config quik")
    assert_one_line(dry("synthetic", "--set", "data.minimum_free_mb=999999999"), 2, "MB free", "HEALTH_PREDICT_STATE")
    assert not state.exists()


def test_an_endpoint_that_does_not_answer_is_5(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    assert_one_line(dry("s3://hospital/file.csv"), 5, "s3://hospital/file.csv", "unreachable")


def test_an_unknown_stack_is_bad_input(state: Path) -> None:
    result = run("--pipeline", "rollback", "--stack", "moon")
    assert result.exit_code == 2
    assert "moon" in result.stderr


def test_verbose_shows_the_traceback(state: Path) -> None:
    from health_predict.errors import InputError

    with pytest.raises(InputError):
        dry("/absent.csv", "-v")
