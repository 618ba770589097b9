"""`run.py --pipeline score` before anything runs: what is wrong with the files is one line and changes nothing."""

from pathlib import Path

import pytest
from click.testing import Result

from tests.driver import refusals
from tests.driver.refusals import CANARY, command, folder

__all__ = ["folder"]


def score(*arguments: str | Path) -> Result:
    return command("score", *arguments)


def assert_refused(result: Result, folder: Path, *words: str, code: int = 2) -> None:
    refusals.assert_refused(result, folder, *words, code=code)
    assert sorted(p.name for p in folder.iterdir() if p.name.startswith(("in", "out", ".out"))) == ["in.csv"]


def test_both_files_must_be_named(folder: Path) -> None:
    assert_refused(score("--input", folder / "in.csv"), folder, "needs --input and --output")
    assert_refused(score("--output", folder / "out.csv"), folder, "needs --input and --output")


@pytest.mark.parametrize(
    ("source", "output", "words"),
    [
        ("absent.csv", "out.csv", ("absent.csv: no such file",)),
        ("in.csv", "absent/out.csv", ("there is no folder", "make it first")),
        ("in.csv", "in.csv", ("would be replaced", "another --output")),
        ("in.csv", "out.xlsx", ("out.xlsx: the extension says the format", ".parquet")),
        ("in.txt", "out.csv", ("in.txt: the extension says the format",)),
    ],
)
def test_files_that_will_not_do(folder: Path, source: str, output: str, words: tuple[str, ...]) -> None:
    assert_refused(score("--input", folder / source, "--output", folder / output), folder, *words)


def test_a_missing_column_is_named_with_its_cure(folder: Path) -> None:
    text = (folder / "in.csv").read_text()
    (folder / "in.csv").write_text(text.replace(",age,", ",Age,", 1).replace("?", CANARY))
    result = score("--input", folder / "in.csv", "--output", folder / "out.csv")
    assert_refused(result, folder, "in.csv: column 'age' is missing", "rename column 'Age'")


def test_a_file_without_a_header_quotes_no_patient(folder: Path) -> None:
    lines = (folder / "in.csv").read_text().splitlines(keepends=True)
    (folder / "in.csv").write_text("".join(lines[1:]).replace("?", CANARY))
    result = score("--input", folder / "in.csv", "--output", folder / "out.csv")
    assert_refused(result, folder, "required columns are missing", "the first line must name the columns")


def test_object_storage_that_does_not_answer_is_5(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from s3fs import S3FileSystem

    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    S3FileSystem.clear_instance_cache()
    result = score("--input", "s3://hospital/in.csv", "--output", folder / "out.csv")
    S3FileSystem.clear_instance_cache()
    assert_refused(result, folder, "s3://hospital/in.csv: object storage refused or unreachable", code=5)
