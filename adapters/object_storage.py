"""Object storage through boto3: what lies at an s3:// URI, and a bucket as the folder of an artifact store.

Endpoint and credentials come from the active stack for what lies in its own bucket, else from the usual AWS variables.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import boto3
from boto3.exceptions import S3UploadFailedError
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from health_predict.errors import HealthPredictError, InfrastructureError, InputError

_ABSENT = {"NoSuchKey", "NoSuchBucket", "404"}
_DENIED = {"AccessDenied", "AllAccessDisabled", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "403"}
_CONFIG = Config(connect_timeout=5, read_timeout=60, retries={"max_attempts": 3, "mode": "standard"})
_ONE_QUESTION = Config(connect_timeout=3, read_timeout=10, retries={"total_max_attempts": 1})
_PART = 8 << 20  # bytes; what is larger is sent in parts of this size
_SHA256 = "sha256"  # metadata of an object: written with it, so that an upload that was cut off left nothing behind


def read_object(uri: str) -> bytes:
    """Return the bytes of an s3://bucket/key.

    Raises:
        InputError: malformed URI, or no such bucket or key.
        InfrastructureError: the endpoint cannot be reached or refuses the credentials.
    """
    bucket, key = _parse(uri)
    try:
        content: bytes = _client(bucket, _CONFIG).get_object(Bucket=bucket, Key=key)["Body"].read()
    except (ClientError, BotoCoreError) as error:
        raise _explain(error, uri) from None
    return content


def check_object(uri: str) -> int:
    """Return the size in bytes of an s3://bucket/key, asked once; raises as `read_object` does."""
    bucket, key = _parse(uri)
    try:
        return int(_client(bucket, _ONE_QUESTION).head_object(Bucket=bucket, Key=key)["ContentLength"])
    except (ClientError, BotoCoreError) as error:
        raise _explain(error, uri) from None


@dataclass(frozen=True)
class Bucket:
    """A bucket, or what lies below a prefix of it, with the client that may write there.

    Attributes:
        root: s3://bucket or s3://bucket/prefix.
        arguments: of every upload, such as ServerSideEncryption.
    """

    root: str
    client: Any
    arguments: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of_store(cls, store: Any) -> "Bucket":  # noqa: ANN401 - ZenML's S3ArtifactStore
        """Return the bucket of a ZenML artifact store of flavor s3, with that store's credentials and settings."""
        return cls(
            str(store.path).rstrip("/"), _client_of_store(store, _CONFIG), store.config.s3_additional_kwargs or {}
        )

    @classmethod
    def asked_once(cls, root: str, key: str | None, secret: str | None, settings: Mapping[str, Any]) -> "Bucket":
        """Return a bucket that is not waited for; without a key pair the usual AWS variables count.

        Args:
            settings: arguments of boto3's client, such as endpoint_url.
        """
        return cls(root, boto3.Session(key, secret).client("s3", config=_ONE_QUESTION, **settings))

    def uri(self, name: str) -> str:
        """Return where `name` lies."""
        return f"{self.root}/{name}"

    def check(self) -> None:
        """InfrastructureError unless the bucket is there and its endpoint answers these credentials."""
        with self._explained(self.root):
            self.client.head_bucket(Bucket=_parse(f"{self.root}/x")[0])

    def sha256(self, name: str) -> str | None:
        """Return the SHA-256 that an object was sent with; None if there is none, or it came another way."""
        bucket, key = _parse(self.uri(name))
        with self._explained(self.uri(name)):
            try:
                found = self.client.head_object(Bucket=bucket, Key=key)
            except ClientError as error:
                if _code(error) in _ABSENT:
                    return None
                raise
        known: str | None = found["Metadata"].get(_SHA256)
        return known

    def put(self, file: Path, name: str, sha256: str, sent: Callable[[int], None]) -> None:
        """Send a file, in parts if it is large; `sent` is told the bytes of each piece, perhaps from another thread."""
        bucket, key = _parse(self.uri(name))
        transfer = TransferConfig(multipart_threshold=_PART, multipart_chunksize=_PART, max_concurrency=4)
        extra = {**self.arguments, "Metadata": {_SHA256: sha256}}
        with self._explained(self.uri(name)):
            self.client.upload_file(str(file), bucket, key, ExtraArgs=extra, Config=transfer, Callback=sent)

    @contextmanager
    def _explained(self, uri: str) -> Iterator[None]:
        try:
            yield
        except (ClientError, BotoCoreError, S3UploadFailedError) as error:
            raise _explain_bucket(error, uri) from None


def _client(bucket: str, config: Config) -> Any:  # noqa: ANN401 - boto3's, made at run time
    store = store_of_stack(bucket)
    return boto3.Session().client("s3", config=config) if store is None else _client_of_store(store, config)


def store_of_stack(bucket: str) -> Any | None:  # noqa: ANN401 - ZenML's S3ArtifactStore
    """Return the active stack's artifact store if this is its bucket; ZenML is not asked where it has no store yet."""
    folder = os.environ.get("ZENML_CONFIG_PATH")
    if not os.environ.get("ZENML_STORE_URL") and not (folder and (Path(folder) / "config.yaml").exists()):
        return None
    from zenml.client import Client

    store: Any = Client().active_stack.artifact_store
    return store if store.flavor == "s3" and store.config.bucket == bucket else None


def _client_of_store(store: Any, config: Config) -> Any:  # noqa: ANN401 - as above
    key, secret, token, region = store.get_credentials()
    settings = {"region_name": region} if region else {}
    return boto3.Session(key, secret, token).client(
        "s3", config=config, **{**settings, **(store.config.client_kwargs or {})}
    )


def _parse(uri: str) -> tuple[str, str]:
    parts = urlparse(uri)
    key = parts.path.lstrip("/")
    if not parts.netloc or not key:
        raise InputError(f"{uri}: write it as s3://bucket/key")
    return parts.netloc, key


def _code(error: BaseException | None) -> str:
    return error.response.get("Error", {}).get("Code", "") if isinstance(error, ClientError) else ""


def _explain(error: Exception, uri: str) -> HealthPredictError:
    code = _code(error)
    if code in _ABSENT:
        return InputError(f"{uri}: no such object; check bucket and key")
    reason = code or type(error).__name__
    return InfrastructureError(
        f"{uri}: object storage refused or unreachable ({reason}); check endpoint, network and credentials: "
        "python run.py --doctor"
    )


def _explain_bucket(error: Exception, uri: str) -> InfrastructureError:
    """Tell a missing bucket, refused credentials and no answer apart; this URI the stack named, not the user."""
    cause = error.__context__ if isinstance(error, S3UploadFailedError) else error  # boto3 hides the refusal in a text
    code, component = _code(cause), f"artifact store {uri}"
    if code in _ABSENT:
        return InfrastructureError(
            f"{component}: there is no such bucket; make it (make services-up; on AWS: terraform apply in "
            "infra/terraform), or correct the stack's artifact store"
        )
    if code in _DENIED:
        return InfrastructureError(
            f"{component}: access denied ({code}); give the stack's artifact store credentials that may write there"
        )
    reason = code or type(cause).__name__
    return InfrastructureError(
        f"{component}: failed or unreachable ({reason}); start it (make services-up) or check the network"
    )
