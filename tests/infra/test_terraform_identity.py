"""What the machine's role may do, asked of its policies: nothing is allowed that no statement names."""

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

import pytest

from tests.infra.terraform_files import committed, statements

pytestmark = pytest.mark.infra

BUCKET = "arn:bucket"
REPOSITORIES = ("arn:repository/health-predict", "arn:repository/health-predict/health-predict-server")
NAMED = {
    "${aws_s3_bucket.data.arn}": [BUCKET],
    "${[for repository in aws_ecr_repository.images : repository.arn]}": list(REPOSITORIES),
}


def prefixes(local: str) -> list[str]:
    """The ARNs that a local of identity.tf stands for."""
    (source, pattern) = re.fullmatch(
        r'\$\{\[for prefix in local\.(\w+) : "\$\{aws_s3_bucket\.data\.arn\}/\$\{prefix\}(.*)"\]\}',
        committed().locals()[local],
    ).groups()  # type: ignore[union-attr]
    names = committed().locals()[source]
    listed = names if isinstance(names, list) else re.findall(r'"(\w+)"', names)
    return [f"{BUCKET}/{name}{pattern}" for name in listed]


def resources(given: Any) -> list[str]:
    """The ARNs of a statement."""
    if isinstance(given, list):
        return [arn for entry in given for arn in NAMED.get(entry, [entry])]
    if given in NAMED:
        return NAMED[given]
    joined = re.fullmatch(r"\$\{concat\((.*)\)\}", given)
    assert joined, given
    return [arn for local in joined[1].split(", ") for arn in prefixes(local.removeprefix("local."))]


def allowed() -> Iterator[tuple[str, str]]:
    for document, statement in statements(committed()):
        if document in ("data", "images"):
            assert statement.get("effect", "Allow") == "Allow"
            yield from ((action, arn) for action in statement["actions"] for arn in resources(statement["resources"]))


def may(action: str, arn: str) -> bool:
    return any(action == named and fnmatchcase(arn, pattern) for named, pattern in allowed())


@pytest.mark.parametrize(
    ("action", "key"),
    [
        ("PutObject", "raw_data/diabetic_data.csv"),
        ("PutObject", "processed_data/initial_train.csv"),
        ("PutObject", "current_batch_for_monitoring/batch-001.parquet"),
        ("PutObject", "drift_reports/batch-001/data_drift.html.new"),
        ("DeleteObject", "drift_reports/batch-001/data_drift.html.new"),  # the draft that was renamed
        ("DeleteObject", "monitoring/ledger.json.new"),
        ("PutObject", "mlflow/3/abc/artifacts/bundle/manifest.json"),
        ("GetObject", "mlflow/3/abc/artifacts/bundle/manifest.json"),
        ("PutObject", "fit_model/output/0b7f/1a2b/data.json"),
        ("DeleteObject", "fit_model/output/0b7f/1a2b/data.json"),
        ("PutObject", "logs/0b7f/1.log"),
    ],
)
def test_what_the_pipelines_do_is_allowed(action: str, key: str) -> None:
    assert may(f"s3:{action}", f"{BUCKET}/{key}")


@pytest.mark.parametrize(
    ("action", "key"),
    [
        ("DeleteObject", "raw_data/diabetic_data.csv"),
        ("DeleteObject", "drift_reports/batch-001/data_drift.html"),
        ("DeleteObject", "monitoring/ledger.json"),
        ("DeleteObject", "mlflow/3/abc/artifacts/bundle/manifest.json"),
        ("DeleteObjectVersion", "fit_model/output/0b7f/1a2b/data.json"),
        ("PutObject", "elsewhere/file"),
        ("GetObject", "elsewhere/file"),
        ("PutObject", "raw_data_of_others/file"),
        ("PutObjectAcl", "raw_data/diabetic_data.csv"),
    ],
)
def test_what_they_do_not_do_is_not(action: str, key: str) -> None:
    assert not may(f"s3:{action}", f"{BUCKET}/{key}")


@pytest.mark.parametrize(
    "action", ["DeleteBucket", "PutBucketPolicy", "PutBucketVersioning", "PutLifecycleConfiguration"]
)
def test_the_bucket_itself_is_out_of_reach(action: str) -> None:
    assert may("s3:ListBucket", BUCKET)
    assert not may(f"s3:{action}", BUCKET)
    assert not may("s3:ListBucket", "arn:bucket-logs")


def test_images_go_into_the_projects_own_repositories_alone() -> None:
    for repository in REPOSITORIES:
        assert may("ecr:PutImage", repository)
        assert may("ecr:BatchGetImage", repository)
        assert not may("ecr:BatchDeleteImage", repository)
        assert not may("ecr:PutImageTagMutability", repository)
    assert not may("ecr:PutImage", "arn:repository/of-others")
    assert not may("ecr:CreateRepository", "arn:repository/health-predict/more")
    assert may("ecr:GetAuthorizationToken", "arn:anything")
    assert [pair for pair in allowed() if pair[1] == "*"] == [("ecr:GetAuthorizationToken", "*")]
