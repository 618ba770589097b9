"""Reports land whole in a folder or below an s3:// prefix, or the user is told why they cannot."""

from pathlib import Path

import pytest

from adapters.report_files import check_folder, write_reports
from health_predict.errors import InfrastructureError, InputError
from tests.adapters.s3_bucket import no_object_storage, s3

__all__ = ["s3"]


def test_reports_are_written_below_a_folder_that_is_made_and_replace_older_ones(tmp_path: Path) -> None:
    folder = tmp_path / "not" / "there"
    for page in ("old", "new"):
        places = write_reports(str(folder), {"summary.html": page, "evidently.html": page})
    assert sorted(path.name for path in folder.iterdir()) == ["evidently.html", "summary.html"]
    assert {Path(place).read_text() for place in places.values()} == {"new"}


def test_a_folder_that_cannot_be_written_to_is_refused_before_anything_runs(tmp_path: Path) -> None:
    check_folder(str(tmp_path / "new" / "one"))
    check_folder("s3://hospital/reports")
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="is no folder that can be written to; give another one"):
        check_folder(str(tmp_path / "file" / "below"))
    with pytest.raises(InputError, match="write it as s3://bucket/prefix"):
        check_folder("s3://")
    with pytest.raises(InputError, match="cannot be written"):
        write_reports(str(tmp_path / "file" / "below"), {"summary.html": "x"})


def test_to_object_storage(s3) -> None:
    places = write_reports("s3://hospital/reports/c1", {"summary.html": "<p>é</p>"})
    assert places == {"summary.html": "s3://hospital/reports/c1/summary.html"}
    stored = s3.get_object(Bucket="hospital", Key="reports/c1/summary.html")["Body"].read()
    assert stored.decode() == "<p>é</p>"
    with pytest.raises(InputError, match=r"s3://none/c1/summary\.html: no such object; check bucket and key"):
        write_reports("s3://none/c1", {"summary.html": "x"})


def test_object_storage_that_does_not_answer_is_infrastructure(monkeypatch: pytest.MonkeyPatch) -> None:
    no_object_storage(monkeypatch)
    with pytest.raises(InfrastructureError, match=r"s3://hospital/c1/summary\.html: object storage refused"):
        write_reports("s3://hospital/c1", {"summary.html": "x"})


def test_a_report_that_cannot_be_finished_leaves_the_older_one(tmp_path: Path) -> None:
    write_reports(str(tmp_path), {"summary.html": "old"})
    with pytest.raises(UnicodeEncodeError):
        write_reports(str(tmp_path), {"summary.html": "\ud800"})
    assert [path.read_text() for path in tmp_path.iterdir()] == ["old"]
