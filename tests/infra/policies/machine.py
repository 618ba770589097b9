"""Policies over the network and the machine: each takes the parsed files and returns what is wrong, in words."""

from tests.infra.terraform_files import Files

WORLD = ("0.0.0.0/0", "::/0")


def no_open_ingress(files: Files) -> list[str]:
    """Nothing comes in but what allowed_cidrs names, and that is nothing by default and never the world."""
    return [*_rules_of_groups(files), *_rules_of_their_own(files), *_rules_of_allowed_cidrs(files)]


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


def _rules_of_groups(files: Files) -> list[str]:
    groups = files.blocks("aws_security_group") + files.blocks("aws_default_security_group")
    old = [rule for rule in files.blocks("aws_security_group_rule") if rule.body.get("type") == "ingress"]
    return [f"{block.address}: a rule outside of allowed_cidrs" for block in groups if "ingress" in block.body] + [
        f"{rule.address}: a rule outside of allowed_cidrs" for rule in old
    ]


def _rules_of_their_own(files: Files) -> list[str]:
    rules = files.blocks("aws_vpc_security_group_ingress_rule")
    named = "var.allowed_cidrs"
    open_to_all = [rule for rule in rules if any(range_ in str(rule.body) for range_ in WORLD)]
    others = [rule for rule in rules if named not in str(rule.body.get("for_each"))]
    return [f"{rule.address}: not from allowed_cidrs alone" for rule in open_to_all + others]


def _rules_of_allowed_cidrs(files: Files) -> list[str]:
    allowed = files.named("variable")["allowed_cidrs"]
    rules = " ".join(str(rule["condition"]) for rule in allowed["validation"])
    checks = {
        "open by default": allowed["default"] == [],
        "takes the world": '"/0"' in rules,
        "takes half of the world": "48" in rules and "16" in rules,
    }
    return [f"allowed_cidrs: {what}" for what, held in checks.items() if not held]
