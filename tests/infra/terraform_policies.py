"""What the Terraform files must hold to: each policy takes the parsed files and returns what is wrong, in words."""

import re
from collections.abc import Callable

from tests.infra.terraform_files import Block, Files, statements

Policy = Callable[[Files], list[str]]
WORLD = ("0.0.0.0/0", "::/0")
_BUCKET_PARTS = (
    "public_access_block",
    "versioning",
    "server_side_encryption_configuration",
    "lifecycle_configuration",
    "ownership_controls",
    "policy",
)
_PUBLIC = ("block_public_acls", "block_public_policy", "ignore_public_acls", "restrict_public_buckets")


def no_open_ingress(files: Files) -> list[str]:
    """Nothing comes in but what allowed_cidrs names, and that is nothing by default and never the world."""
    wrong = []
    for block in files.blocks():
        ingress = [block] if "ingress" in block.type else []
        if block.type in ("aws_security_group", "aws_default_security_group") and "ingress" in block.body:
            wrong.append(f"{block.address}: a rule of its own")
        if block.type == "aws_security_group_rule" and block.body.get("type") == "ingress":
            wrong.append(f"{block.address}: a rule outside of allowed_cidrs")
        for rule in ingress:
            if "var.allowed_cidrs" not in str(rule.body.get("for_each")) or any(w in str(rule.body) for w in WORLD):
                wrong.append(f"{rule.address}: not from allowed_cidrs alone")
    allowed = files.named("variable")["allowed_cidrs"]
    if allowed["default"] != []:
        wrong.append("allowed_cidrs: open by default")
    rules = " ".join(str(rule["condition"]) for rule in allowed["validation"])
    if '"/0"' not in rules or "48" not in rules or "16" not in rules:
        wrong.append("allowed_cidrs: takes the world, or half of it")
    return wrong


def egress_by_port(files: Files) -> list[str]:
    """Out by TCP to named ports alone."""
    rules = files.blocks("aws_vpc_security_group_egress_rule")
    return [rule.address for rule in rules if rule.body["ip_protocol"] != "tcp" or "for_each" not in rule.body]


def metadata_by_token(files: Files) -> list[str]:
    """IMDSv2 is required, and its answers go no further than the machine."""
    wrong = []
    for machine in files.blocks("aws_instance") + files.blocks("aws_launch_template"):
        options = machine.first("metadata_options")
        if (options.get("http_tokens"), options.get("http_put_response_hop_limit")) != ("required", 1):
            wrong.append(f"{machine.address}: {dict(options)}")
    return wrong


def machine_without_keys(files: Files) -> list[str]:
    """No key pair, an instance profile, an image that Canonical still supports, and no secret in the user data."""
    machine = files.one("aws_instance")
    wrong = [f"{block.address}: a key pair" for block in files.blocks("aws_key_pair")]
    wrong += ["a key pair"] if "key_name" in machine.body else []
    wrong += [] if "iam_instance_profile" in machine.body else ["no role"]
    image = files.one("aws_ssm_parameter", "data").body["name"]
    named = files.locals().get(str(image).removeprefix("${local.").removesuffix("}"), image)
    wrong += [] if "/canonical/ubuntu/server/24.04/" in str(named) else [f"image {named}"]
    return wrong


def memory_is_checked(files: Files) -> list[str]:
    """A machine with less than 8 GiB is refused by what AWS says of its type."""
    rules = files.one("aws_instance").first("lifecycle").get("precondition", [])
    asked = [rule for rule in rules if "memory_size >= 8192" in str(rule["condition"])]
    return [] if asked else ["aws_instance.machine: no precondition on memory_size"]


def disks_encrypted(files: Files) -> list[str]:
    """Every disk is gp3 and encrypted."""
    disks = [(volume.address, volume.body, "type") for volume in files.blocks("aws_ebs_volume")]
    machine = files.one("aws_instance")
    for key in ("root_block_device", "ebs_block_device"):
        disks += [(f"{machine.address}.{key}", disk, "volume_type") for disk in machine.body.get(key, [])]
    return [where for where, disk, kind in disks if disk.get("encrypted") is not True or disk.get(kind) != "gp3"]


def buckets_closed(files: Files) -> list[str]:
    """Every bucket has each of its parts; what is public is blocked four times; versions are kept."""
    wrong = []
    for bucket in files.blocks("aws_s3_bucket"):
        for part in _BUCKET_PARTS:
            if not _of(files, bucket, part):
                wrong.append(f"{bucket.address}: no {part}")
        for block in _of(files, bucket, "public_access_block"):
            wrong += [f"{block.address}: {key}" for key in _PUBLIC if block.body.get(key) is not True]
        for block in _of(files, bucket, "versioning"):
            if block.first("versioning_configuration").get("status") != "Enabled":
                wrong.append(f"{block.address}: off")
        if bucket.body.get("force_destroy") != "${var.allow_destroy}":
            wrong.append(f"{bucket.address}: force_destroy is not allow_destroy")
    if files.named("variable")["allow_destroy"]["default"] is not False:
        wrong.append("allow_destroy: true by default")
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


def least_privilege(files: Files) -> list[str]:
    """What is allowed is named: no wildcard in an action, `*` as resource for the ECR login alone, no FullAccess."""
    wrong = []
    for document, statement in statements(files):
        if statement.get("effect", "Allow") != "Allow":
            continue
        where = f"{document}.{statement.get('sid', 'trust')}"
        wrong += [f"{where}: {action}" for action in statement["actions"] if "*" in action]
        if {"not_actions", "not_resources"} & set(statement):
            wrong.append(f"{where}: allows all but something")
        if "*" in _as_list(statement.get("resources", [])) and statement["actions"] != ["ecr:GetAuthorizationToken"]:
            wrong.append(f"{where}: on everything")
        wrong += [f"{where}: anyone" for who in statement.get("principals", []) if "*" in who["identifiers"]]
    for block in files.blocks("aws_iam_role_policy_attachment") + files.blocks("aws_iam_user_policy_attachment"):
        policy = str(block.body["policy_arn"])
        if ":iam::aws:policy/" in policy and not policy.endswith("/AmazonSSMManagedInstanceCore"):
            wrong.append(f"{block.address}: {policy}")
    wrong += [f"{block.address}: a user with keys" for block in files.blocks() if block.type.startswith("aws_iam_user")]
    wrong += [f"{block.address}: a key" for block in files.blocks("aws_iam_access_key")]
    return wrong


def data_by_prefix(files: Files) -> list[str]:
    """Objects are written by prefix; what must last is not deleted, and no version ever is."""
    wrong = []
    for document, statement in statements(files):
        actions = [action for action in statement["actions"] if action.startswith("s3:")]
        if statement.get("effect", "Allow") != "Allow" or document.endswith("_bucket"):
            continue
        resources = str(statement.get("resources"))
        if any("Object" in action for action in actions) and "aws_s3_bucket" in resources:
            wrong.append(f"{document}.{statement['sid']}: the whole bucket")
        if any("DeleteObject" in action for action in actions) and "local.kept" in resources:
            wrong.append(f"{document}.{statement['sid']}: may delete what must last")
        if any(re.search("Version|PutBucket|DeleteBucket|Policy", action) for action in actions):
            wrong.append(f"{document}.{statement['sid']}: {actions}")
    prefixes = files.locals()["kept_prefixes"] + re.findall(r'"([^"]*)"', str(files.locals()["working_prefixes"]))
    return wrong + [f"prefix {prefix}" for prefix in prefixes if not re.fullmatch(r"[a-z_]+", prefix)]


def nothing_known(files: Files) -> list[str]:
    """No account, address, key or password stands in the files, nor a default for what only the owner knows."""
    text = str(files.content)
    patterns = {
        "an account id": r"(?<!\d)\d{12}(?!\d)",
        "an access key": r"\b(AKIA|ASIA)[A-Z0-9]{16}\b",
        "a public address": r"\b(?!10\.|0\.0\.0\.0|172\.|192\.168\.|198\.51\.100\.)\d{1,3}(\.\d{1,3}){3}\b",
        "a password": r"(?i)(password|secret_key|access_key)['\"]?\s*[:=]\s*['\"][^$'\"]",
        "a private key": "PRIVATE KEY",
    }
    wrong = [what for what, pattern in patterns.items() if re.search(pattern, text)]
    asked = ("owner", "budget_emails", "repository_url", "repository_commit")
    return wrong + [f"{name} has a default" for name in asked if "default" in files.named("variable")[name]]


def versions_pinned(files: Files) -> list[str]:
    """Terraform within a major version, the provider exactly."""
    settings = files.settings()
    required = settings["required_version"]
    (provider,) = [entry["aws"] for entry in settings["required_providers"]]
    wrong = [] if re.fullmatch(r"~> \d+\.\d+", required) else [f"required_version {required}"]
    return wrong + ([] if re.fullmatch(r"\d+\.\d+\.\d+", provider["version"]) else [f"aws {provider['version']}"])


def everything_tagged(files: Files) -> list[str]:
    """What is made says whose it is, so that a cost can be booked and a leftover be found."""
    tags = files.named("provider")["aws"].get("default_tags", [{}])[0].get("tags", {})
    wanted = {"project", "environment", "owner", "cost-centre", "data-class", "managed-by"}
    return sorted(wanted - set(tags))


def variables_checked(files: Files) -> list[str]:
    """Every variable has a type, a description and, unless it is yes or no, a rule with a message that names it."""
    wrong = []
    for name, variable in files.named("variable").items():
        wrong += [f"{name}: no {key}" for key in ("type", "description") if not variable.get(key)]
        rules = variable.get("validation", [])
        if variable.get("type") not in ("${bool}", "bool") and not rules:
            wrong.append(f"{name}: no rule")
        wrong += [f"{name}: a message without its name" for rule in rules if not rule["error_message"].startswith(name)]
    return wrong


def stopped_and_watched(files: Files) -> list[str]:
    """The machine is stopped each night by a role that can do nothing else; a budget alarm rings."""
    wrong = []
    for schedule in files.blocks("aws_scheduler_schedule"):
        if not schedule.first("target")["arn"].endswith("ec2:stopInstances"):
            wrong.append(f"{schedule.address}: does not stop")
    wrong += [] if files.blocks("aws_scheduler_schedule") else ["no schedule"]
    allowed = [s["actions"] for document, s in statements(files) if document == "schedule"]
    wrong += [] if allowed == [["ec2:StopInstances"]] else [f"the schedule may {allowed}"]
    budgets = files.blocks("aws_budgets_budget")
    return wrong + ([] if budgets and "FORECASTED" in str(budgets[0].body) else ["no budget alarm"])


POLICIES: tuple[Policy, ...] = (
    no_open_ingress,
    egress_by_port,
    metadata_by_token,
    machine_without_keys,
    memory_is_checked,
    disks_encrypted,
    buckets_closed,
    buckets_encrypted,
    tls_alone,
    images_fixed,
    least_privilege,
    data_by_prefix,
    nothing_known,
    versions_pinned,
    everything_tagged,
    variables_checked,
    stopped_and_watched,
)


def _of(files: Files, bucket: Block, part: str) -> list[Block]:
    wanted = f"${{aws_s3_bucket.{bucket.name}.id}}"
    return [block for block in files.blocks(f"aws_s3_bucket_{part}") if block.body.get("bucket") == wanted]


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


def _as_list(value: object) -> list:
    return value if isinstance(value, list) else [value]
