"""Tables on object s3, against a real S3 protocol: read in pieces, written whole or not at all."""

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from s3fs import S3FileSystem

from adapters import byte_streams
from adapters.byte_streams import Destination, reading, remove
from adapters.table_files import open_table
from adapters.table_output import open_outputs
from health_predict.errors import InfrastructureError, InputError
from tests.adapters.s3_bucket import s3

__all__ = ["s3"]

SCORES = pa.table({"row": [1, 2], "probability_score": [0.1, 0.2]})
INVALID = pa.table({"age": ["x"], "row": [3]})


@pytest.fixture
def fresh_connection():
    """For a test that changes the variables, which are read when the connection is made."""
    S3FileSystem.clear_instance_cache()
    yield
    S3FileSystem.clear_instance_cache()


def keys(client) -> list[str]:
    return sorted(item["Key"] for item in client.list_objects_v2(Bucket="hospital").get("Contents", []))


def uploads(client) -> list[object]:
    return client.list_multipart_uploads(Bucket="hospital").get("Uploads", [])


@pytest.mark.parametrize("extension", [".csv", ".csv.gz", ".parquet"])
def test_a_table_is_written_and_read_back(s3, extension: str) -> None:
    uri = f"s3://hospital/folder/scores{extension}"
    with open_outputs(uri, SCORES.schema, INVALID.schema) as outputs:
        outputs.write(SCORES, INVALID)
    assert keys(s3) == sorted([f"folder/scores{extension}", f"folder/scores.invalid{extension}"])
    with open_table(uri) as table:
        rows = pa.concat_tables([chunk.table for chunk in table.chunks()])
    assert [float(p) for p in rows["probability_score"].to_pylist()] == [0.1, 0.2]


def test_a_large_table_goes_up_in_parts_and_comes_down_in_pieces(s3) -> None:
    rows = pa.table({"row": range(600_000), "note": ["the text of a row of some length"] * 600_000})
    with open_outputs("s3://hospital/large.csv", rows.schema, INVALID.schema) as outputs:
        for start in range(0, 600_000, 100_000):
            outputs.write(rows[start : start + 100_000], INVALID[:0])
    assert s3.head_object(Bucket="hospital", Key="large.csv")["ContentLength"] > 2 * byte_streams.BLOCK
    with open_table("s3://hospital/large.csv") as table:
        assert sum(chunk.table.num_rows for chunk in table.chunks()) == 600_000


def test_a_failure_leaves_no_object_and_no_unfinished_upload(s3) -> None:
    def fail() -> None:
        with open_outputs("s3://hospital/scores.csv", SCORES.schema, INVALID.schema) as outputs:
            for _ in range(2):
                outputs.write(pa.table({"row": [0], "probability_score": ["x" * byte_streams.BLOCK]}), INVALID)
            raise RuntimeError("stopped")

    with pytest.raises(RuntimeError, match="stopped"):
        fail()
    assert keys(s3) == []
    assert uploads(s3) == []


def test_nothing_is_shown_before_the_commit(s3) -> None:
    destination = Destination("s3://hospital/file.bin")
    destination.stream.write(b"x" * (byte_streams.BLOCK + 1))
    destination.finish()
    assert keys(s3) == []
    destination.commit()
    assert keys(s3) == ["file.bin"]
    assert uploads(s3) == []


def test_an_aside_file_of_an_earlier_run_goes_away(s3) -> None:
    for invalid in (INVALID, INVALID[:0]):
        with open_outputs("s3://hospital/scores.csv", SCORES.schema, INVALID.schema) as outputs:
            outputs.write(SCORES, invalid)
    assert keys(s3) == ["scores.csv"]
    remove("s3://hospital/not-there.csv")


@pytest.mark.parametrize("uri", ["s3://hospital/absent.csv", "s3://no-such-bucket/file.csv", "s3://hospital/a.parquet"])
def test_what_is_not_there_is_bad_input(s3, uri: str) -> None:
    with pytest.raises(InputError, match=f"{uri}: no such object; check bucket and key"), open_table(uri):
        pass


def test_a_bucket_that_is_not_there_takes_no_output(s3) -> None:
    with (
        pytest.raises(InputError, match=r"s3://no-such-bucket/scores\.csv: no such object; check bucket"),
        open_outputs("s3://no-such-bucket/scores.csv", SCORES.schema, INVALID.schema) as outputs,
    ):
        outputs.write(SCORES, INVALID[:0])


def test_a_broken_parquet_object_is_bad_input_and_not_the_network(s3) -> None:
    frame = pd.DataFrame({"age": [f"{n}" for n in range(20_000)]})
    whole = frame.to_parquet()
    s3.put_object(Bucket="hospital", Key="cut.parquet", Body=whole[:-30])
    s3.put_object(Bucket="hospital", Key="damaged.parquet", Body=whole[:5000] + bytes(2000) + whole[7000:])
    for key in ("cut.parquet", "damaged.parquet"):
        with (
            pytest.raises(InputError, match="not a readable Parquet file"),
            open_table(f"s3://hospital/{key}") as table,
        ):
            list(table.chunks())


@pytest.mark.parametrize("uri", ["s3://only-a-bucket.csv", "s3://hospital/", "s3:///key.csv"])
def test_a_malformed_address(uri: str) -> None:
    with pytest.raises(InputError, match="write it as s3://bucket/key"), reading(uri):
        pass


def test_an_endpoint_that_does_not_answer_is_infrastructure(s3, fresh_connection, monkeypatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(InfrastructureError, match="unreachable"), open_table("s3://hospital/file.csv"):
        pass
    with (
        pytest.raises(InfrastructureError, match="unreachable"),
        open_outputs("s3://hospital/scores.csv", SCORES.schema, INVALID.schema) as outputs,
    ):
        outputs.write(SCORES, INVALID[:0])


def test_no_credentials_is_infrastructure(s3, fresh_connection, monkeypatch, tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(InfrastructureError, match="NoCredentialsError"), open_table("s3://hospital/file.csv"):
        pass
