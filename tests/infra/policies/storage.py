"""Policies over buckets and images: each takes the parsed files and returns what is wrong, in words."""

from tests.infra.terraform_files import Block, Files

_BUCKET_PARTS = (
    "public_access_block",
    "versioning",
    "server_side_encryption_configuration",
    "lifecycle_configuration",
    "ownership_controls",
    "policy",
)
_PUBLIC = ("block_public_acls", "block_public_policy", "ignore_public_acls", "restrict_public_buckets")


def buckets_closed(files: Files) -> list[str]:
    """Every bucket has each of its parts; what is public is blocked four times; versions are kept."""
    wrong = [] if files.named("variable")["allow_destroy"]["default"] is False else ["allow_destroy: true by default"]
    for bucket in files.blocks("aws_s3_bucket"):
        wrong += [f"{bucket.address}: no {part}" for part in _BUCKET_PARTS if not _of(files, bucket, part)]
        wrong += [
            f"{block.address}: {key}"
            for block in _of(files, bucket, "public_access_block")
            for key in _PUBLIC
            if block.body.get(key) is not True
        ]
        wrong += [f"{block.address}: off" for block in _of(files, bucket, "versioning") if not _keeps_versions(block)]
        if bucket.body.get("force_destroy") != "${var.allow_destroy}":
            wrong.append(f"{bucket.address}: force_destroy is not allow_destroy")
    return wrong


def buckets_encrypted(files: Files) -> list[str]:
    """Data at rest is encrypted, with KMS where it speaks of patients."""
    wrong = []
    for bucket in files.blocks("aws_s3_bucket"):
        wanted = "aws:kms" if bucket.name == "data" else "AES256"
        for block in _of(files, bucket, "server_side_encryption_configuration"):
            chosen = block.first("rule").get("apply_server_side_encryption_by_default", [{}])[0].get("sse_algorithm")
            if chosen != wanted:
                wrong.append(f"{block.address}: {chosen}")
    return wrong


def tls_alone(files: Files) -> list[str]:
    """Every bucket's policy denies all that does not come by TLS."""
    documents = {document.name: document for document in files.blocks("aws_iam_policy_document", "data")}
    wrong = []
    for bucket in files.blocks("aws_s3_bucket"):
        document = documents[f"{bucket.name}_bucket"]
        if not any(_denies_plain(statement, bucket) for statement in document.body["statement"]):
            wrong.append(f"{bucket.address}: answers without TLS")
    return wrong


def images_fixed(files: Files) -> list[str]:
    """Tags never move, pushes are scanned, images are encrypted and do not pile up."""
    wrong = []
    for repository in files.blocks("aws_ecr_repository"):
        checks = {
            "tags move": repository.body.get("image_tag_mutability") == "IMMUTABLE",
            "not scanned": repository.first("image_scanning_configuration").get("scan_on_push") is True,
            "not encrypted with KMS": repository.first("encryption_configuration").get("encryption_type") == "KMS",
            "force_delete is not allow_destroy": repository.body.get("force_delete") == "${var.allow_destroy}",
            "no lifecycle": bool(files.blocks("aws_ecr_lifecycle_policy")),
        }
        wrong += [f"{repository.address}: {what}" for what, held in checks.items() if not held]
    return wrong


def _of(files: Files, bucket: Block, part: str) -> list[Block]:
    wanted = f"${{aws_s3_bucket.{bucket.name}.id}}"
    return [block for block in files.blocks(f"aws_s3_bucket_{part}") if block.body.get("bucket") == wanted]


def _keeps_versions(block: Block) -> bool:
    return block.first("versioning_configuration").get("status") == "Enabled"


def _denies_plain(statement: dict, bucket: Block) -> bool:
    conditions = statement.get("condition") or [{}]
    condition = conditions[0]
    arn = f"aws_s3_bucket.{bucket.name}.arn"
    return (
        statement.get("effect") == "Deny"
        and len(conditions) == 1  # a second one would deny less
        and statement["actions"] == ["s3:*"]
        and statement["resources"] == [f"${{{arn}}}", f"${{{arn}}}/*"]
        and statement["principals"] == [{"type": "*", "identifiers": ["*"]}]
        and (condition.get("variable"), condition.get("values")) == ("aws:SecureTransport", ["false"])
    )
