"""`run.py --pipeline monitor --current` before anything runs: what is wrong is one line and changes nothing."""

from pathlib import Path

import pytest
from click.testing import Result

from tests.adapters.s3_bucket import no_object_storage
from tests.driver.refusals import CANARY, assert_refused, command, folder

__all__ = ["folder"]


def monitor(*arguments: str | Path) -> Result:
    return command("monitor", *arguments)


@pytest.mark.parametrize(
    "of_stream",
    [("--batches", "2"), ("--batch-size", "500"), ("--label-delay", "0"), ("--inject", "age"), ("--force-retrain",)],
)
def test_an_option_of_the_stream_does_not_go_with_a_file(folder: Path, of_stream: tuple[str, ...]) -> None:
    result = monitor("--current", folder / "in.csv", *of_stream)
    assert_refused(result, folder, f"{of_stream[0]} belongs to the stream, not to --current", "leave it out")


@pytest.mark.parametrize("option", ["--reference", "--model-uri", "--reports"])
def test_an_option_of_a_file_needs_one(folder: Path, option: str) -> None:
    assert_refused(monitor(option, "x"), folder, "belong to --current; name the file to check")


@pytest.mark.parametrize(
    "uri",
    ["3", "models:/Other@champion", "models:/HealthPredict@challenger", "models:/HealthPredict/0", "runs:/a/model"],
)
def test_a_model_uri_of_another_form(folder: Path, uri: str) -> None:
    result = monitor("--current", folder / "in.csv", "--model-uri", uri)
    assert_refused(result, folder, f"--model-uri {uri}: write it as models:/HealthPredict@champion or models:")


def test_reports_need_a_folder(folder: Path) -> None:
    result = monitor("--current", folder / "in.csv", "--reports", folder / "in.csv")
    assert_refused(result, folder, "in.csv is no folder that can be written to")


@pytest.mark.parametrize("side", ["--current", "--reference"])
def test_each_file_is_checked_and_named(folder: Path, side: str) -> None:
    text = (folder / "in.csv").read_text()
    (folder / "bad.csv").write_text(text.replace(",age,", ",Age,", 1).replace("?", CANARY))
    files = {"--current": "in.csv", "--reference": "in.csv", side: "bad.csv"}
    result = monitor(*(word for name, file in files.items() for word in (name, folder / file)))
    assert_refused(result, folder, f"{folder}/bad.csv: column 'age' is missing; rename column 'Age'")
    absent = {**files, side: "absent.csv"}
    result = monitor(*(word for name, file in absent.items() for word in (name, folder / file)))
    assert_refused(result, folder, "absent.csv: no such file; give a path or s3://bucket/key")


def test_object_storage_that_does_not_answer_is_5(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    no_object_storage(monkeypatch)
    result = monitor("--current", "s3://hospital/in.csv")
    assert_refused(result, folder, "s3://hospital/in.csv: object storage refused or unreachable", code=5)
