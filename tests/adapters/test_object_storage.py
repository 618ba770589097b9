import pytest

from adapters.object_storage import read_object
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
