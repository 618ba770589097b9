"""Policies over the Terraform files, and for each of them files that break it."""

import pytest

from tests.infra import terraform_policies as policies
from tests.infra.terraform_files import FOLDER, committed
from tests.infra.terraform_policies import POLICIES, Policy

pytestmark = pytest.mark.infra

RULE = 'resource "aws_vpc_security_group_ingress_rule" "x" {\n  cidr_ipv4 = "0.0.0.0/0"\n}\n'
# policy, file, what is replaced, and by what; an empty first text adds the second to the file
BREAKS: tuple[tuple[Policy, str, str, str], ...] = (
    (policies.no_open_ingress, "network.tf", "", RULE),
    (policies.no_open_ingress, "network.tf", "setproduct(var.allowed_cidrs,", 'setproduct(["0.0.0.0/0"],'),
    (policies.no_open_ingress, "network.tf", "  name        = ", "  ingress {\n    from_port = 1\n  }\n  name        = "),
    (policies.no_open_ingress, "network.tf", "", 'resource "aws_security_group_rule" "x" {\n  type = "ingress"\n}\n'),
    (policies.no_open_ingress, "variables.tf", "default     = []", 'default     = ["198.51.100.0/24"]'),
    (policies.no_open_ingress, "variables.tf", 'endswith(range, "/0")', "false"),
    (policies.no_open_ingress, "variables.tf", "? 48 : 16", "? 1 : 1"),
    (policies.egress_by_port, "network.tf", '"tcp"\n  from_port         = each.value\n', '"-1"\n'),
    (policies.metadata_by_token, "instance.tf", '"required"', '"optional"'),
    (policies.metadata_by_token, "instance.tf", "hop_limit = 1", "hop_limit = 2"),
    (policies.metadata_by_token, "instance.tf", "metadata_options {", "enclave_options {"),
    (policies.machine_without_keys, "instance.tf", "  ebs_optimized ", '  key_name = "mine"\n  ebs_optimized '),
    (policies.machine_without_keys, "instance.tf", "", 'resource "aws_key_pair" "x" {\n  public_key = var.owner\n}\n'),
    (policies.machine_without_keys, "names.tf", "/24.04/", "/20.04/"),
    (policies.memory_is_checked, "instance.tf", ">= 8192", ">= 1024"),
    (policies.disks_encrypted, "instance.tf", "    encrypted             = true\n", ""),
    (policies.disks_encrypted, "instance.tf", "  encrypted         = true\n", "  encrypted         = false\n"),
    (policies.disks_encrypted, "instance.tf", '"gp3"', '"gp2"'),
    (policies.buckets_closed, "storage.tf", "block_public_policy     = true", "block_public_policy     = false"),
    (policies.buckets_closed, "audit.tf", "restrict_public_buckets = true", ""),
    (policies.buckets_closed, "storage.tf", 'status = "Enabled"\n  }\n}\n\nresource', 'status = "Off"\n  }\n}\n\nresource'),
    (policies.buckets_closed, "storage.tf", "force_destroy = var.allow_destroy", "force_destroy = true"),
    (policies.buckets_closed, "storage.tf", "", 'resource "aws_s3_bucket" "more" {\n  bucket = "more"\n}\n'),
    (policies.buckets_closed, "variables.tf", "default     = false", "default     = true"),
    (policies.buckets_encrypted, "storage.tf", 'sse_algorithm = "aws:kms"', 'sse_algorithm = "AES256"'),
    (policies.tls_alone, "storage.tf", '"aws:SecureTransport"', '"aws:MultiFactorAuthPresent"'),
    (policies.tls_alone, "audit.tf", 'effect    = "Deny"', 'effect    = "Allow"'),
    (policies.tls_alone, "storage.tf", ', "${aws_s3_bucket.data.arn}/*"]', "]"),
    (policies.images_fixed, "registry.tf", '"IMMUTABLE"', '"MUTABLE"'),
    (policies.images_fixed, "registry.tf", "scan_on_push = true", "scan_on_push = false"),
    (policies.images_fixed, "registry.tf", '"KMS"', '"AES256"'),
    (policies.images_fixed, "registry.tf", "= var.allow_destroy", "= true"),
    (policies.images_fixed, "registry.tf", '"aws_ecr_lifecycle_policy"', '"aws_ecr_repository_policy"'),
    (policies.least_privilege, "identity.tf", '["s3:GetObject"]', '["s3:*"]'),
    (policies.least_privilege, "identity.tf", '["s3:GetObject"]', '["*"]'),
    (policies.least_privilege, "identity.tf", "[aws_s3_bucket.data.arn]", '["*"]'),
    (policies.least_privilege, "identity.tf", '["ecr:GetAuthorizationToken"]', '["ecr:GetAuthorizationToken", "ecr:PutImage"]'),
    (policies.least_privilege, "identity.tf", '["ec2.amazonaws.com"]', '["*"]'),
    (policies.least_privilege, "identity.tf", "AmazonSSMManagedInstanceCore", "AmazonS3FullAccess"),
    (policies.least_privilege, "identity.tf", "", 'resource "aws_iam_access_key" "x" {\n  user = "x"\n}\n'),
    (policies.data_by_prefix, "identity.tf", "concat(local.drafts, local.working)", "concat(local.kept, local.working)"),
    (policies.data_by_prefix, "identity.tf", '"s3:DeleteObject"', '"s3:DeleteObject", "s3:DeleteObjectVersion"'),
    (policies.data_by_prefix, "identity.tf", '"mlflow"]', '"*"]'),
    (policies.data_by_prefix, "identity.tf", "concat(local.kept, local.working)", '["${aws_s3_bucket.data.arn}/*"]'),
    (policies.nothing_known, "names.tf", "data.aws_caller_identity.current.account_id", '"123456789012"'),
    (policies.nothing_known, "variables.tf", "10.42.0.0/16", "8.8.8.0/24"),
    (policies.nothing_known, "instance.tf", "", 'locals {\n  password = "admin"\n}\n'),
    (policies.nothing_known, "variables.tf", 'variable "owner" {', 'variable "owner" {\n  default = "me"'),
    (policies.versions_pinned, "versions.tf", '"6.62.0"', '"~> 6.0"'),
    (policies.versions_pinned, "versions.tf", '"~> 1.11"', '">= 1.0"'),
    (policies.everything_tagged, "versions.tf", "data-class ", "class "),
    (policies.variables_checked, "variables.tf", "type        = string\n", ""),
    (policies.variables_checked, "variables.tf", '"region: expected', '"expected'),
    (policies.stopped_and_watched, "schedule.tf", "ec2:stopInstances", "ec2:terminateInstances"),
    (policies.stopped_and_watched, "schedule.tf", '["ec2:StopInstances"]', '["ec2:StopInstances", "ec2:RunInstances"]'),
    (policies.stopped_and_watched, "budget.tf", "FORECASTED", "ACTUAL2"),
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
