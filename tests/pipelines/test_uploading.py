"""`run.py --pipeline upload-data` on a stack whose artifact store is a bucket, and on the local stack."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pandas as pd
import pytest
import yaml
from click.testing import CliRunner, Result
from moto.server import ThreadedMotoServer
from s3fs import S3FileSystem

from health_predict.reading import read_raw
from health_predict.splits import split
from health_predict.synthetic import sample_encounters
from stacks.stack_file import STACKS
from tests.pipelines.own_stack import local_stack

BUCKET, ROWS = "readmission", 2000
PARTS = {"train": "initial_train", "validation": "initial_validation", "test": "initial_test", "future": "future_data"}
NAMES = ["raw_data/diabetic_data.csv", *(f"processed_data/{part}.csv" for part in PARTS.values())]
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}


@dataclass(frozen=True)
class Ward:
    """A stack that keeps artifacts in a versioned bucket, and a file of encounters."""

    folder: Path
    client: Any

    @property
    def file(self) -> Path:
        return self.folder / "mine.csv"

    def write(self, seed: int) -> None:
        sample_encounters(ROWS, seed=seed).to_csv(self.file, index=False, na_rep="?")

    def versions(self) -> dict[str, int]:
        """How often each file of the data was written."""
        found = [item["Key"] for item in self.client.list_object_versions(Bucket=BUCKET).get("Versions", [])]
        return {key: found.count(key) for key in found if key.startswith(("raw_data/", "processed_data/"))}

    def read(self, name: str) -> bytes:
        return self.client.get_object(Bucket=BUCKET, Key=name)["Body"].read()


def upload(*arguments: str | Path) -> Result:
    from run import main

    command = ["--pipeline", "upload-data", *map(str, arguments)]
    return CliRunner().invoke(main, command, catch_exceptions=False)


@pytest.fixture(scope="module")
def ward(tmp_path_factory) -> Iterator[Ward]:
    folder = tmp_path_factory.mktemp("ward")
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    components = yaml.safe_load((STACKS / "local.yaml").read_text())["components"]
    encrypted = {"s3_additional_kwargs": {"ServerSideEncryption": "AES256"}}
    store = {"name": "bucket", "flavor": "s3", "configuration": {"path": f"s3://{BUCKET}", **encrypted}}
    stack = {"orchestrator": components["orchestrator"], "artifact_store": store}
    (folder / "ward.yaml").write_text(yaml.safe_dump({"components": stack}))
    with local_stack(folder / "state"):
        from stacks.apply import apply_stack

        os.environ.update(CREDENTIALS, AWS_ENDPOINT_URL=f"http://{host}:{port}")
        S3FileSystem.clear_instance_cache()
        client = boto3.client("s3")
        client.create_bucket(Bucket=BUCKET)
        client.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        apply_stack("ward", activate=True, folder=folder)
        ward = Ward(folder, client)
        ward.write(seed=1)
        yield ward
    server.stop()
    S3FileSystem.clear_instance_cache()


def test_a_dry_run_sends_nothing(ward: Ward) -> None:
    result = upload("--data", ward.file, "--dry-run")
    assert result.exit_code == 0, result.output
    assert f"nothing was sent to s3://{BUCKET}/" in result.stdout
    assert ward.client.list_objects_v2(Bucket=BUCKET)["KeyCount"] == 0


@pytest.fixture(scope="module")
def uploaded(ward: Ward) -> Result:
    return upload("--data", ward.file)


def test_the_file_and_its_parts_lie_at_the_root_of_the_bucket_encrypted(ward: Ward, uploaded: Result) -> None:
    assert uploaded.exit_code == 0, uploaded.output
    assert ward.versions() == dict.fromkeys([*NAMES, "processed_data/provenance.json"], 1)
    for name in ward.versions():
        assert ward.client.head_object(Bucket=BUCKET, Key=name)["ServerSideEncryption"] == "AES256"
    assert ward.read(NAMES[0]) == ward.file.read_bytes()


def test_each_part_reads_back_as_the_split_makes_it(ward: Ward, uploaded: Result, tmp_path: Path) -> None:
    expected = split(read_raw(ward.file).frame, seed=42)
    for part, name in PARTS.items():
        (tmp_path / name).write_bytes(ward.read(f"processed_data/{name}.csv"))
        pd.testing.assert_frame_equal(read_raw(tmp_path / name).frame, getattr(expected, part))


def test_the_provenance_says_what_the_files_are(ward: Ward, uploaded: Result) -> None:
    told = json.loads(ward.read("processed_data/provenance.json"))
    raw = read_raw(ward.file)
    assert {key: told[key] for key in ("source", "provenance", "sha256", "protocol", "seed")} == {
        "source": "mine.csv",
        "provenance": "file",
        "sha256": raw.sha256,
        "protocol": "time",
        "seed": 42,
    }
    assert list(told["files"]) == NAMES
    assert told["files"][NAMES[0]] == {"rows": ROWS, "sha256": raw.sha256}
    assert str(ward.folder) not in json.dumps(told)


def test_a_training_takes_its_data_from_there(ward: Ward, uploaded: Result) -> None:
    from run import main

    line = next(line for line in uploaded.stdout.splitlines() if line.startswith("next: python run.py "))
    assert line.endswith(f"--data s3://{BUCKET}/raw_data/diabetic_data.csv")
    result = CliRunner().invoke(main, [*line.split()[3:], "--dry-run"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert f"data: diabetic_data.csv (file, from --data), {ROWS:,} encounters" in result.stdout


@pytest.fixture
def own_keys(ward: Ward, uploaded: Result, monkeypatch) -> Iterator[str]:
    """The address of the uploaded file, on a stack with keys of its own; the process has none in AWS's variables."""
    from stacks.apply import apply_stack

    secrets = ward.folder / "secrets.env"
    secrets.touch(mode=0o600)
    secrets.write_text("KEY=test\nSECRET=test\n")
    stack = yaml.safe_load((ward.folder / "ward.yaml").read_text())
    store = stack["components"]["artifact_store"]["configuration"]
    store |= {"key": "{{of_ward.KEY}}", "secret": "{{of_ward.SECRET}}"}
    store["client_kwargs"] = {"endpoint_url": os.environ["AWS_ENDPOINT_URL"], "region_name": "us-east-1"}
    stack["components"]["artifact_store"]["name"] = "own_keys"
    (ward.folder / "keys.yaml").write_text(yaml.safe_dump({**stack, "secrets": {"of_ward": str(secrets)}}))
    apply_stack("keys", activate=True, folder=ward.folder)
    for name in ("AWS_ENDPOINT_URL", *CREDENTIALS):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    S3FileSystem.clear_instance_cache()
    yield f"s3://{BUCKET}/{NAMES[0]}"
    S3FileSystem.clear_instance_cache()
    apply_stack("ward", activate=True, folder=ward.folder)


def test_the_bucket_of_the_stack_opens_with_the_credentials_of_the_stack(ward: Ward, own_keys: str) -> None:
    from adapters.object_storage import read_object

    assert read_object(own_keys) == ward.file.read_bytes()


def test_streams_take_the_credentials_and_the_encryption_of_the_stack(ward: Ward, own_keys: str) -> None:
    from adapters.byte_streams import Destination, reading, remove

    copy = f"s3://{BUCKET}/copy.csv"
    with reading(own_keys) as source:
        content = source.stream.read()
    written = Destination(copy)
    written.stream.write(content)
    written.finish()
    written.commit()
    assert ward.read("copy.csv") == ward.file.read_bytes()
    assert ward.client.head_object(Bucket=BUCKET, Key="copy.csv")["ServerSideEncryption"] == "AES256"
    remove(copy)
    assert ward.client.list_objects_v2(Bucket=BUCKET, Prefix="copy.csv")["KeyCount"] == 0


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--pipeline", "score", "--output", f"s3://{BUCKET}/scores.csv", "--input"], f"input: s3://{BUCKET}/"),
        (["--pipeline", "monitor", "--current"], "encounters with labels"),
    ],
)
def test_score_and_monitor_open_a_file_of_the_bucket(own_keys: str, arguments: list[str], told: str) -> None:
    """They read it before they ask for a model, which this stack has no registry for."""
    from run import main

    result = CliRunner().invoke(main, [*arguments, own_keys, "--dry-run"], catch_exceptions=False)
    assert told in result.stdout, result.output


def test_what_is_there_is_not_sent_again(ward: Ward, uploaded: Result) -> None:
    before = ward.versions()
    again = upload("--data", ward.file)
    assert (again.exit_code, ward.versions()) == (0, before)
    assert "sent: " not in again.stdout


def test_what_was_overwritten_or_deleted_is_sent_again(ward: Ward, uploaded: Result) -> None:
    good, before = ward.read(NAMES[1]), ward.versions()
    ward.client.put_object(Bucket=BUCKET, Key=NAMES[1], Body=good.replace(b",", b";"))
    ward.client.delete_object(Bucket=BUCKET, Key=NAMES[2])
    assert upload("--data", ward.file).exit_code == 0
    assert ward.versions() == before | {NAMES[1]: before[NAMES[1]] + 2, NAMES[2]: before[NAMES[2]] + 1}
    assert ward.read(NAMES[1]) == good


def test_no_row_is_in_what_zenml_keeps_of_the_run(ward: Ward, uploaded: Result) -> None:
    patients = [str(number).encode() for number in read_raw(ward.file).frame["patient_nbr"]]
    kept = [item["Key"] for item in ward.client.list_objects_v2(Bucket=BUCKET)["Contents"]]
    others = [key for key in kept if not key.startswith(("raw_data/", "processed_data/"))]
    assert others
    content = b"".join(map(ward.read, others))
    assert not [number for number in patients if number in content]
    assert not [number for number in patients if number.decode() in uploaded.output]


def test_a_missing_bucket_is_one_line(ward: Ward, uploaded: Result) -> None:
    from stacks.apply import apply_stack

    stack = (ward.folder / "ward.yaml").read_text()
    absent = stack.replace(f"s3://{BUCKET}", "s3://nowhere-here").replace("name: bucket", "name: no_bucket")
    (ward.folder / "absent.yaml").write_text(absent)
    apply_stack("absent", activate=True, folder=ward.folder)
    result = upload("--data", ward.file)
    apply_stack("ward", activate=True, folder=ward.folder)
    assert result.exit_code == 5
    (line,) = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert line.startswith(
        "error: artifact store s3://nowhere-here: there is no such bucket; make it (make services-up"
    )


def test_the_synthetic_sample_is_refused(ward: Ward) -> None:
    result = upload("--data", "synthetic")
    assert result.exit_code == 2
    assert "would pass for patients' data" in result.stderr


def test_on_the_local_stack_it_lies_below_the_artifact_folder(ward: Ward) -> None:
    for count in (6, 0):
        result = upload("--data", ward.file, "--stack", "local")
        assert result.exit_code == 0, result.output
        assert sum(line.startswith("sent: ") for line in result.stdout.splitlines()) == count
    folder = ward.folder / "state" / "artifacts"
    assert (folder / NAMES[0]).read_bytes() == ward.file.read_bytes()
    assert sorted(path.name for path in (folder / "processed_data").iterdir()) == sorted(
        [*(f"{part}.csv" for part in PARTS.values()), "provenance.json"]
    )
