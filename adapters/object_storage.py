"""Object storage by s3:// URI through boto3; endpoint and credentials come from the usual AWS variables."""

from urllib.parse import urlparse

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from health_predict.errors import HealthPredictError, InfrastructureError, InputError

_ABSENT = {"NoSuchKey", "NoSuchBucket", "404"}
_CONFIG = Config(connect_timeout=5, read_timeout=60, retries={"max_attempts": 3, "mode": "standard"})


def read_object(uri: str) -> bytes:
    """Return the bytes of an s3://bucket/key.

    Raises:
        InputError: malformed URI, or no such bucket or key.
        InfrastructureError: the endpoint cannot be reached or refuses the credentials.
    """
    bucket, key = _parse(uri)
    try:
        return boto3.Session().client("s3", config=_CONFIG).get_object(Bucket=bucket, Key=key)["Body"].read()
    except (ClientError, BotoCoreError) as error:
        raise _explain(error, uri) from None


def _parse(uri: str) -> tuple[str, str]:
    parts = urlparse(uri)
    key = parts.path.lstrip("/")
    if not parts.netloc or not key:
        raise InputError(f"{uri}: write it as s3://bucket/key")
    return parts.netloc, key


def _explain(error: Exception, uri: str) -> HealthPredictError:
    code = error.response.get("Error", {}).get("Code", "") if isinstance(error, ClientError) else ""
    if code in _ABSENT:
        return InputError(f"{uri}: no such object; check bucket and key")
    reason = code or type(error).__name__
    return InfrastructureError(
        f"{uri}: object storage refused or unreachable ({reason}); check AWS_ENDPOINT_URL, network and credentials"
    )
