"""Object storage for a test: one bucket that answers, or an address where nobody does."""

from collections.abc import Iterator

import boto3
import pytest
from moto.server import ThreadedMotoServer
from s3fs import S3FileSystem


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[boto3.client]:
    """A client of the empty bucket "hospital", which the usual variables lead to."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    _point_to(f"http://{host}:{port}", monkeypatch)
    client = boto3.client("s3")
    client.create_bucket(Bucket="hospital")
    yield client
    # servers of one process share what they hold
    for item in client.list_objects_v2(Bucket="hospital").get("Contents", []):
        client.delete_object(Bucket="hospital", Key=item["Key"])
    server.stop()
    S3FileSystem.clear_instance_cache()


def no_object_storage(monkeypatch: pytest.MonkeyPatch) -> None:
    """Point to a port where nobody listens."""
    _point_to("http://127.0.0.1:9", monkeypatch)


def _point_to(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    S3FileSystem.clear_instance_cache()  # it keeps connections by their settings, not by the environment
