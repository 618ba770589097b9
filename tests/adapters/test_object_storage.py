from pathlib import Path

import pytest
from botocore.stub import Stubber

from adapters.object_storage import Bucket, read_object
from health_predict.errors import InfrastructureError, InputError
from tests.adapters.s3_bucket import s3

__all__ = ["s3"]


def test_an_object_is_read(s3) -> None:
    s3.put_object(Bucket="hospital", Key="raw_data/file.csv", Body=b"content")
    assert read_object("s3://hospital/raw_data/file.csv") == b"content"


@pytest.mark.parametrize("uri", ["s3://hospital/raw_data/absent.csv", "s3://no-such-bucket/file.csv"])
def test_what_is_not_there_is_bad_input(s3, uri: str) -> None:
    with pytest.raises(InputError, match="no such object; check bucket and key"):
        read_object(uri)


def test_an_endpoint_that_does_not_answer_is_infrastructure(s3, monkeypatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(InfrastructureError, match="unreachable"):
        read_object("s3://hospital/file.csv")


def test_no_credentials_is_infrastructure(s3, monkeypatch, tmp_path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(InfrastructureError, match="NoCredentialsError"):
        read_object("s3://hospital/file.csv")


@pytest.fixture
def bucket(s3) -> Bucket:
    return Bucket("s3://hospital/data", s3, {"ServerSideEncryption": "AES256"})


def test_a_large_file_is_sent_in_parts_and_its_progress_told(bucket, s3, tmp_path) -> None:
    file = tmp_path / "large.csv"
    file.write_bytes(bytes(9 << 20))
    told: list[int] = []
    bucket.put(file, "raw/large.csv", "its-sha", told.append)
    found = s3.head_object(Bucket="hospital", Key="data/raw/large.csv")
    assert (found["ContentLength"], found["ServerSideEncryption"]) == (9 << 20, "AES256")
    assert found["ETag"].strip('"').endswith("-2")  # how S3 marks an object of two parts
    assert sum(told) == 9 << 20
    assert len(told) > 2
    assert bucket.sha256("raw/large.csv") == "its-sha"


def test_what_came_another_way_has_no_known_content(bucket, s3) -> None:
    s3.put_object(Bucket="hospital", Key="data/file", Body=b"")
    assert (bucket.sha256("file"), bucket.sha256("absent")) == (None, None)


@pytest.mark.parametrize("call", ["check", "put"])
def test_a_missing_bucket_is_infrastructure_and_names_what_makes_one(s3, tmp_path, call: str) -> None:
    absent = Bucket("s3://no-such-bucket", s3)
    with pytest.raises(InfrastructureError, match=r"no-such-bucket\S*: there is no such bucket; make it") as error:
        absent.check() if call == "check" else absent.put(_file(tmp_path), "file", "sha", lambda _: None)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("code", ["AccessDenied", "403", "InvalidAccessKeyId", "ExpiredToken"])
@pytest.mark.parametrize("call", ["check", "sha256", "put"])
def test_refused_credentials_are_told_as_such(bucket, s3, tmp_path, code: str, call: str) -> None:
    with Stubber(s3) as stubber, pytest.raises(InfrastructureError, match=rf"access denied \({code}\); give the stack"):
        operation = {"check": "head_bucket", "sha256": "head_object", "put": "put_object"}[call]
        stubber.add_client_error(operation, code, "no", 403)
        actions = {
            "check": bucket.check,
            "sha256": lambda: bucket.sha256("file"),
            "put": lambda: bucket.put(_file(tmp_path), "file", "sha", lambda _: None),
        }
        actions[call]()


def _file(folder: Path) -> Path:
    (folder / "file").write_text("content")
    return folder / "file"
