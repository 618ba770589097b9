"""What of the stack `aws` is in the account: images, every version of every object, and what Terraform made."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from health_predict.errors import InfrastructureError
from infra.aws.outputs import TERRAFORM
from infra.aws.teardown_step import Account, Step, asked, done, found

_GONE = {"NoSuchBucket", "404", "RepositoryNotFoundException"}
_IMAGES, _VERSIONS = 100, 1000  # as many as one request may delete


def account_steps(account: Account) -> list[Step]:
    """Return the steps, in their order."""
    buckets = [
        Step(f"versions in {name}", partial(_look_at_bucket, account, name), partial(_empty_bucket, account, name))
        for name in (account.bucket, account.logs_bucket)
    ]
    images = Step("images in ECR", partial(_look_at_images, account), partial(_delete_images, account))
    return [images, *buckets, Step("what Terraform made", _look_at_terraform, _destroy)]


def left_over(account: Account) -> list[str]:
    """Return the ARNs of everything that still bears the tags of the stack."""
    tags = {"project": account.project, "environment": account.environment}
    with answering("tags"):
        pages = account.client("resourcegroupstaggingapi").get_paginator("get_resources")
        filters = [{"Key": key, "Values": [value]} for key, value in tags.items()]
        answers = pages.paginate(TagFilters=filters)
        return sorted(found["ResourceARN"] for page in answers for found in page["ResourceTagMappingList"])


@contextmanager
def answering(what: str) -> Iterator[None]:
    """Turn what AWS refuses into an InfrastructureError of one line."""
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        code = _code(error) or type(error).__name__
        raise InfrastructureError(
            f"AWS, {what}: refused or unreachable ({code}); check network and credentials (aws sts get-caller-identity)"
        ) from None


def _look_at_bucket(account: Account, bucket: str) -> str:
    with answering(f"bucket {bucket}"):
        pages = account.client("s3").get_paginator("list_object_versions").paginate(Bucket=bucket)
        count = sum(len(_named(page)) for page in _until_gone(iter(pages)))
    return f"{count:,} versions" if count else "empty or gone"


def _empty_bucket(account: Account, bucket: str) -> str:
    """Delete page by page, so that an interruption leaves less to do."""
    client, count = account.client("s3"), 0
    with answering(f"bucket {bucket}"):
        for page in _until_gone(_first_pages(client, bucket)):
            versions = _named(page)
            answer = client.delete_objects(Bucket=bucket, Delete={"Objects": versions, "Quiet": True})
            if answer.get("Errors"):
                code = answer["Errors"][0].get("Code")
                raise InfrastructureError(
                    f"bucket {bucket}: {len(answer['Errors'])} versions stay ({code}); run make destroy again"
                )
            count += len(versions)
        count += _abort_uploads(client, bucket)
    return f"{count:,} versions" if count else "nothing to do"


def _first_pages(client: Any, bucket: str) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - boto3's
    """The first page of versions, again and again until it is empty: what was on it has been deleted meanwhile."""
    while _named(page := client.list_object_versions(Bucket=bucket, MaxKeys=_VERSIONS)):
        yield page


def _until_gone(pages: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The pages of a bucket; none if there is no such bucket."""
    try:
        yield from pages
    except ClientError as error:
        if _code(error) not in _GONE:
            raise


def _named(page: dict[str, Any]) -> list[dict[str, str]]:
    """Versions and marks of deletions on a page, as a request to delete them names them."""
    items = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
    return [{"Key": item["Key"], "VersionId": item["VersionId"]} for item in items]


def _abort_uploads(client: Any, bucket: str) -> int:  # noqa: ANN401 - boto3's
    """Drop the parts of uploads that were never finished; they keep a bucket from being deleted, and cost."""
    try:
        uploads = client.list_multipart_uploads(Bucket=bucket).get("Uploads", [])
    except ClientError as error:
        if _code(error) not in _GONE:
            raise
        return 0
    for upload in uploads:
        client.abort_multipart_upload(Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"])
    return len(uploads)


def _look_at_images(account: Account) -> str:
    with answering("ECR"):
        count = sum(len(images) for _, images in _images(account))
    return f"{count:,} images" if count else "none"


def _delete_images(account: Account) -> str:
    client, count = account.client("ecr"), 0
    with answering("ECR"):
        for repository, _ in _images(account):
            while images := _digests(client, repository)[:_IMAGES]:  # one in an index can go after the index alone
                answer = client.batch_delete_image(repositoryName=repository, imageIds=images)
                if not answer["imageIds"]:
                    code = answer["failures"][0]["failureCode"]
                    raise InfrastructureError(f"ECR, {repository}: {len(images)} images stay ({code}); delete by hand")
                count += len({image["imageDigest"] for image in answer["imageIds"]})
    return f"{count:,} images" if count else "nothing to do"


def _images(account: Account) -> list[tuple[str, list[dict[str, str]]]]:
    """Images by digest, which takes all their tags, in every repository of the project."""
    client, first = account.client("ecr"), account.registry.partition("/")[2] + "/"
    pages = client.get_paginator("describe_repositories").paginate()
    names = [item["repositoryName"] for page in pages for item in page["repositories"]]
    return [(name, _digests(client, name)) for name in names if f"{name}/".startswith(first)]


def _digests(client: Any, repository: str) -> list[dict[str, str]]:  # noqa: ANN401 - boto3's
    pages = client.get_paginator("list_images").paginate(repositoryName=repository)
    digests = {image["imageDigest"] for page in pages for image in page["imageIds"]}
    return [{"imageDigest": digest} for digest in sorted(digests)]


def _look_at_terraform() -> str:
    if not found("terraform"):
        raise InfrastructureError("terraform is not installed; see developer.hashicorp.com/terraform/install")
    known = asked(["terraform", f"-chdir={TERRAFORM}", "state", "list"])
    return f"{len(known.splitlines())} resources" if known else "nothing in its state"


def _destroy() -> str:
    if _look_at_terraform().startswith("nothing"):
        return "nothing to do"
    done(["terraform", f"-chdir={TERRAFORM}", "destroy", "-auto-approve", "-input=false"])
    return "destroyed"


def _code(error: Exception) -> str:
    return str(error.response.get("Error", {}).get("Code", "")) if isinstance(error, ClientError) else ""
