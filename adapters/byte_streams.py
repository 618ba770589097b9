"""Byte streams of local files and s3:// objects. What is written takes its name only when it is whole.

Endpoint and credentials come from the active stack for what lies in its own bucket, else from the usual AWS variables.
Nothing here holds more than a few blocks in memory.
"""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from health_predict.errors import HealthPredictError, InfrastructureError, InputError

S3 = "s3://"
BLOCK = 8 << 20  # bytes of a request; S3 takes 10,000 of them for a file, which makes 84 GB


@dataclass(frozen=True)
class Source:
    """An open file and its size in bytes."""

    stream: BinaryIO
    size: int


@contextmanager
def reading(uri: str, *, at_random: bool = False) -> Iterator[Source]:
    """Open a file to be read, in order or at random places.

    Raises:
        InputError: it is not there or not readable; InfrastructureError: object storage cannot be reached.
    """
    with explained(uri, "read"):
        if uri.startswith(S3):
            cache = "none" if at_random else "readahead"
            stream = _s3(uri).open(_key(uri), "rb", block_size=BLOCK, cache_type=cache)
            size = stream.size
        else:
            stream = Path(uri).open("rb")  # noqa: SIM115 - closed below
            size = os.fstat(stream.fileno()).st_size
    with stream:
        yield Source(stream, size)


class Destination:
    """A file that is being written; nobody sees it before `commit`."""

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self._remote = uri.startswith(S3)
        self._part = Path(uri).with_name(f".{Path(uri).name}.{secrets.token_hex(4)}.part")
        with explained(uri, "written"):
            self.stream: Any = _s3_writer(uri) if self._remote else self._part.open("xb")

    def finish(self) -> None:
        """Write what is buffered; it can still be discarded."""
        with explained(self.uri, "written"):
            if not self._remote:
                self.stream.flush()
                os.fsync(self.stream.fileno())
            self.stream.close()

    def commit(self) -> None:
        """Show the finished file under its name, in the place of an older one."""
        with explained(self.uri, "written"):
            if self._remote:
                self.stream.commit()
            else:
                self._part.replace(self.uri)

    def discard(self) -> None:
        """Leave no trace of it."""
        with suppress(Exception):  # the failure that led here is the one to tell
            if self._remote:
                self.stream.discard()
                self.stream.closed = True  # else its finalizer would upload the rest
            else:
                self._part.unlink(missing_ok=True)
                self.stream.close()  # writes what is buffered, perhaps to a full disk


def remove(uri: str) -> None:
    """Remove a file, if it is there."""
    with explained(uri, "removed"):
        if not uri.startswith(S3):
            Path(uri).unlink(missing_ok=True)
            return
        storage = _s3(uri)
        if storage.exists(_key(uri)):
            storage.rm_file(_key(uri))


def check_writable(uri: str) -> None:
    """InputError if there is no folder to write the file into; of s3:// only the form is checked."""
    if uri.startswith(S3):
        _key(uri)
        return
    folder = Path(uri).parent
    if not folder.is_dir():
        raise InputError(f"{uri}: there is no folder {folder}; make it first")
    if Path(uri).is_dir() or not os.access(folder, os.W_OK):
        raise InputError(f"{uri}: cannot be written; give a file in a folder that you may write to")


def same_file(one: str, other: str) -> bool:
    """Whether two names mean one file."""
    if one.startswith(S3) or other.startswith(S3):
        return one == other
    left, right = Path(one), Path(other)
    return left.resolve() == right.resolve() or (left.exists() and right.exists() and left.samefile(right))


@contextmanager
def explained(uri: str, doing: str) -> Iterator[None]:
    """Turn a failure of the disk or of object storage into one line that names the file."""
    try:
        yield
    except HealthPredictError:
        raise
    except Exception as error:
        known = _remote_failure(error, uri) if uri.startswith(S3) else _local_failure(error, uri, doing)
        if known is None:
            raise
        raise known from None


def _local_failure(error: Exception, uri: str, doing: str) -> HealthPredictError | None:
    if isinstance(error, FileNotFoundError) and doing == "read":
        return InputError(f"{uri}: no such file; give a path or s3://bucket/key")
    if isinstance(error, PermissionError | FileNotFoundError | IsADirectoryError | NotADirectoryError):
        return InputError(f"{uri}: cannot be {doing} ({error.strerror}); check its path and permissions")
    if isinstance(error, OSError) and error.errno is not None:
        return InfrastructureError(f"{uri}: cannot be {doing} ({error.strerror}); free space or check the disk")
    return None


def _remote_failure(error: Exception, uri: str) -> HealthPredictError | None:
    from aiohttp import ClientError as ConnectionFailure
    from botocore.exceptions import BotoCoreError, ClientError

    if isinstance(error, FileNotFoundError):
        return InputError(f"{uri}: no such object; check bucket and key")
    refused = isinstance(error, PermissionError | TimeoutError | BotoCoreError | ClientError | ConnectionFailure)
    if refused or (isinstance(error, OSError) and error.errno is not None):  # pyarrow's have none
        return InfrastructureError(
            f"{uri}: object storage refused or unreachable ({type(error).__name__}); "
            "check AWS_ENDPOINT_URL, network and credentials"
        )
    return None


def _s3(uri: str) -> Any:  # noqa: ANN401 - s3fs has no types, and costs a second that a local run need not pay
    import s3fs

    retries = {"max_attempts": 3, "mode": "standard"}
    settings = {"connect_timeout": 5, "read_timeout": 60, "retries": retries}
    return s3fs.S3FileSystem(config_kwargs=settings, use_listings_cache=False, **_of_stack(_key(uri)))


def _of_stack(key: str) -> dict[str, Any]:
    """Endpoint, credentials and encryption of the active stack's bucket; none for what lies elsewhere."""
    from adapters.object_storage import store_of_stack

    store = store_of_stack(key.partition("/")[0])
    if store is None:
        return {}
    access, secret, token, region = store.get_credentials()
    client = {**({"region_name": region} if region else {}), **(store.config.client_kwargs or {})}
    credentials = {"key": access, "secret": secret, "token": token}
    return {**credentials, "client_kwargs": client, "s3_additional_kwargs": store.config.s3_additional_kwargs or {}}


def _s3_writer(uri: str) -> Any:  # noqa: ANN401
    return _s3(uri).open(_key(uri), "wb", block_size=BLOCK, autocommit=False)


def _key(uri: str) -> str:
    bucket, _, key = uri.removeprefix(S3).partition("/")
    if not bucket or not key or key.endswith("/"):
        raise InputError(f"{uri}: write it as {S3}bucket/key")
    return f"{bucket}/{key}"
