"""Policies over the Terraform files, and for each of them files that break it."""

from collections.abc import Callable

import pytest

from tests.infra.policies import identity, machine, storage, whole
from tests.infra.terraform_files import FOLDER, Files, committed

pytestmark = pytest.mark.infra

Policy = Callable[[Files], list[str]]
MODULES = (machine, storage, identity, whole)
POLICIES: list[Policy] = [
    policy
    for module in MODULES
    for name, policy in vars(module).items()
    if callable(policy) and policy.__module__ == module.__name__ and not name.startswith("_")
]

RULE = 'resource "aws_vpc_security_group_ingress_rule" "x" {\n  cidr_ipv4 = "0.0.0.0/0"\n}\n'
# policy, file, what is replaced, and by what; an empty first text adds the second to the file
BREAKS: tuple[tuple[Policy, str, str, str], ...] = (
    (machine.no_open_ingress, "network.tf", "", RULE),
    (machine.no_open_ingress, "network.tf", "setproduct(var.allowed_cidrs,", 'setproduct(["0.0.0.0/0"],'),
    (
        machine.no_open_ingress,
        "network.tf",
        "  name        = ",
        "  ingress {\n    from_port = 1\n  }\n  name        = ",
    ),
    (machine.no_open_ingress, "network.tf", "", 'resource "aws_security_group_rule" "x" {\n  type = "ingress"\n}\n'),
    (machine.no_open_ingress, "variables.tf", "default     = []", 'default     = ["198.51.100.0/24"]'),
    (machine.no_open_ingress, "variables.tf", 'endswith(range, "/0")', "false"),
    (machine.no_open_ingress, "variables.tf", "? 48 : 16", "? 1 : 1"),
    (machine.egress_by_port, "network.tf", '"tcp"\n  from_port         = each.value\n', '"-1"\n'),
    (machine.metadata_by_token, "instance.tf", '"required"', '"optional"'),
    (machine.metadata_by_token, "instance.tf", "hop_limit = 1", "hop_limit = 2"),
    (machine.metadata_by_token, "instance.tf", "metadata_options {", "enclave_options {"),
    (machine.machine_without_keys, "instance.tf", "  ebs_optimized ", '  key_name = "mine"\n  ebs_optimized '),
    (machine.machine_without_keys, "instance.tf", "", 'resource "aws_key_pair" "x" {\n  public_key = var.owner\n}\n'),
    (machine.machine_without_keys, "names.tf", "/24.04/", "/20.04/"),
    (machine.memory_is_checked, "instance.tf", ">= 8192", ">= 1024"),
    (machine.disks_encrypted, "instance.tf", "    encrypted             = true\n", ""),
    (machine.disks_encrypted, "instance.tf", "  encrypted         = true\n", "  encrypted         = false\n"),
    (machine.disks_encrypted, "instance.tf", '"gp3"', '"gp2"'),
    (storage.buckets_closed, "storage.tf", "block_public_policy     = true", "block_public_policy     = false"),
    (storage.buckets_closed, "audit.tf", "restrict_public_buckets = true", ""),
    (
        storage.buckets_closed,
        "storage.tf",
        'status = "Enabled"\n  }\n}\n\nresource',
        'status = "Off"\n  }\n}\n\nresource',
    ),
    (storage.buckets_closed, "storage.tf", "force_destroy = var.allow_destroy", "force_destroy = true"),
    (storage.buckets_closed, "storage.tf", "", 'resource "aws_s3_bucket" "more" {\n  bucket = "more"\n}\n'),
    (storage.buckets_closed, "variables.tf", "default     = false", "default     = true"),
    (storage.buckets_encrypted, "storage.tf", 'sse_algorithm = "aws:kms"', 'sse_algorithm = "AES256"'),
    (storage.tls_alone, "storage.tf", '"aws:SecureTransport"', '"aws:MultiFactorAuthPresent"'),
    (storage.tls_alone, "audit.tf", 'effect    = "Deny"', 'effect    = "Allow"'),
    (storage.tls_alone, "storage.tf", ', "${aws_s3_bucket.data.arn}/*"]', "]"),
    (storage.images_fixed, "registry.tf", '"IMMUTABLE"', '"MUTABLE"'),
    (storage.images_fixed, "registry.tf", "scan_on_push = true", "scan_on_push = false"),
    (storage.images_fixed, "registry.tf", '"KMS"', '"AES256"'),
    (storage.images_fixed, "registry.tf", "= var.allow_destroy", "= true"),
    (storage.images_fixed, "registry.tf", '"aws_ecr_lifecycle_policy"', '"aws_ecr_repository_policy"'),
    (identity.least_privilege, "identity.tf", '["s3:GetObject"]', '["s3:*"]'),
    (identity.least_privilege, "identity.tf", '["s3:GetObject"]', '["*"]'),
    (identity.least_privilege, "identity.tf", "[aws_s3_bucket.data.arn]", '["*"]'),
    (
        identity.least_privilege,
        "identity.tf",
        '["ecr:GetAuthorizationToken"]',
        '["ecr:GetAuthorizationToken", "ecr:PutImage"]',
    ),
    (identity.least_privilege, "identity.tf", '["ec2.amazonaws.com"]', '["*"]'),
    (identity.no_policies_of_others_and_no_users, "identity.tf", "AmazonSSMManagedInstanceCore", "AmazonS3FullAccess"),
    (
        identity.no_policies_of_others_and_no_users,
        "identity.tf",
        "",
        'resource "aws_iam_access_key" "x" {\n  user = "x"\n}\n',
    ),
    (
        identity.data_by_prefix,
        "identity.tf",
        "concat(local.drafts, local.working)",
        "concat(local.kept, local.working)",
    ),
    (identity.data_by_prefix, "identity.tf", '"s3:DeleteObject"', '"s3:DeleteObject", "s3:DeleteObjectVersion"'),
    (identity.data_by_prefix, "identity.tf", '"mlflow"]', '"*"]'),
    (identity.data_by_prefix, "identity.tf", "concat(local.kept, local.working)", '["${aws_s3_bucket.data.arn}/*"]'),
    (whole.nothing_known, "names.tf", "data.aws_caller_identity.current.account_id", '"123456789012"'),
    (whole.nothing_known, "variables.tf", "10.42.0.0/16", "8.8.8.0/24"),
    (whole.nothing_known, "instance.tf", "", 'locals {\n  password = "admin"\n}\n'),
    (whole.nothing_known, "variables.tf", 'variable "owner" {', 'variable "owner" {\n  default = "me"'),
    (whole.versions_pinned, "versions.tf", '"6.62.0"', '"~> 6.0"'),
    (whole.versions_pinned, "versions.tf", '"~> 1.11"', '">= 1.0"'),
    (whole.everything_tagged, "versions.tf", "data-class ", "class "),
    (whole.variables_checked, "variables.tf", "type        = string\n", ""),
    (whole.variables_checked, "variables.tf", '"region: expected', '"expected'),
    (identity.stopped_and_watched, "schedule.tf", "ec2:stopInstances", "ec2:terminateInstances"),
    (identity.stopped_and_watched, "schedule.tf", '["ec2:StopInstances"]', '["ec2:StopInstances", "ec2:RunInstances"]'),
    (identity.stopped_and_watched, "budget.tf", "FORECASTED", "ACTUAL2"),
)


@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: policy.__name__)
def test_the_files_hold_to(policy: Policy) -> None:
    assert policy(committed()) == []


@pytest.mark.parametrize(
    ("policy", "file", "old", "new"), BREAKS, ids=[f"{b[0].__name__}-{i}" for i, b in enumerate(BREAKS)]
)
def test_is_broken_by(policy: Policy, file: str, old: str, new: str) -> None:
    text = (FOLDER / file).read_text()
    assert old in text, "the files have changed; so must this test"
    changed = text.replace(old, new) if old else text + new
    assert policy(committed().with_text(file, changed))


def test_every_policy_is_shown_to_fail() -> None:
    assert {broken[0] for broken in BREAKS} == set(POLICIES)
