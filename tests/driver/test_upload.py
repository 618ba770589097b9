"""What `upload-data` refuses before it runs anything; the rest is in tests/pipelines/test_uploading.py."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from driver.upload import _check_seen_by_steps
from health_predict.errors import InputError
from tests.driver.refusals import assert_refused, command, folder

__all__ = ["folder"]


def test_a_file_that_is_not_there_is_refused(folder: Path) -> None:
    assert_refused(command("upload-data", "--data", folder / "absent.csv"), folder, "no such file")


def test_a_file_with_too_few_patients_is_refused(folder: Path) -> None:
    assert_refused(command("upload-data", "--data", folder / "in.csv"), folder, "fewer than 50 patients")


def test_an_option_of_another_command_is_refused(folder: Path) -> None:
    assert_refused(command("upload-data", "--batches", "3"), folder, "--batches does not belong to upload-data")


@pytest.mark.parametrize("is_local", [True, False])
def test_steps_in_containers_see_the_state_folder_alone(folder: Path, monkeypatch, is_local: bool) -> None:
    import zenml.client

    stack = SimpleNamespace(orchestrator=SimpleNamespace(config=SimpleNamespace(is_local=is_local)))
    monkeypatch.setattr(zenml.client, "Client", lambda: SimpleNamespace(active_stack=stack))
    for seen in ("s3://bucket/file.csv", str(folder / "state" / "in.csv")):
        _check_seen_by_steps(seen)
    if is_local:
        _check_seen_by_steps(str(folder / "in.csv"))
    else:
        with pytest.raises(InputError, match=rf"see of this machine {folder}/state alone; copy the file there"):
            _check_seen_by_steps(str(folder / "in.csv"))
