import boto3
import pytest
from moto.server import ThreadedMotoServer

from adapters.object_storage import read_object
from health_predict.errors import InfrastructureError, InputError


@pytest.fixture(scope="module")
def endpoint():
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def storage(endpoint, monkeypatch):
    for name, value in {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    client = boto3.client("s3")
    client.create_bucket(Bucket="hospital")
    return client


def test_an_object_is_read(storage) -> None:
    storage.put_object(Bucket="hospital", Key="raw_data/file.csv", Body=b"content")
    assert read_object("s3://hospital/raw_data/file.csv") == b"content"


@pytest.mark.parametrize("uri", ["s3://hospital/raw_data/absent.csv", "s3://no-such-bucket/file.csv"])
def test_what_is_not_there_is_bad_input(storage, uri: str) -> None:
    with pytest.raises(InputError, match="no such object; check bucket and key"):
        read_object(uri)


def test_an_endpoint_that_does_not_answer_is_infrastructure(storage, monkeypatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(InfrastructureError, match="unreachable"):
        read_object("s3://hospital/file.csv")


def test_no_credentials_is_infrastructure(storage, monkeypatch, tmp_path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(InfrastructureError, match="NoCredentialsError"):
        read_object("s3://hospital/file.csv")
