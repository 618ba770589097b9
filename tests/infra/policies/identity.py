"""Policies over what is allowed to whom: each takes the parsed files and returns what is wrong, in words."""

import re

from tests.infra.terraform_files import Files, statements


def least_privilege(files: Files) -> list[str]:
    """What is allowed is named: no wildcard in an action, `*` as resource for the ECR login alone."""
    wrong = []
    for document, statement in statements(files):
        if statement.get("effect", "Allow") != "Allow":
            continue
        everything = "*" in _as_list(statement.get("resources", []))
        checks = {
            "a wildcard in an action": not any("*" in action for action in statement["actions"]),
            "allows all but something": not {"not_actions", "not_resources"} & set(statement),
            "on everything": not everything or statement["actions"] == ["ecr:GetAuthorizationToken"],
            "anyone": not any("*" in who["identifiers"] for who in statement.get("principals", [])),
        }
        where = f"{document}.{statement.get('sid', 'trust')}"
        wrong += [f"{where}: {what}" for what, held in checks.items() if not held]
    return wrong


def no_policies_of_others_and_no_users(files: Files) -> list[str]:
    """No FullAccess, no managed policy but the one that SSM's agent needs, and nobody with lasting keys."""
    attached = files.blocks("aws_iam_role_policy_attachment")
    policies = [str(block.body["policy_arn"]) for block in attached]
    managed = [policy for policy in policies if ":iam::aws:policy/" in policy]
    users = [block.address for block in files.blocks() if block.type.startswith(("aws_iam_user", "aws_iam_access_key"))]
    return [policy for policy in managed if not policy.endswith("/AmazonSSMManagedInstanceCore")] + users


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


def stopped_and_watched(files: Files) -> list[str]:
    """The machine is stopped each night by a role that can do nothing else; a budget alarm rings."""
    targets = [schedule.first("target")["arn"] for schedule in files.blocks("aws_scheduler_schedule")]
    allowed = [statement["actions"] for document, statement in statements(files) if document == "schedule"]
    budgets = files.blocks("aws_budgets_budget")
    checks = {
        "the schedule does not stop": bool(targets) and all(arn.endswith("ec2:stopInstances") for arn in targets),
        f"the schedule may {allowed}": allowed == [["ec2:StopInstances"]],
        "no budget alarm": bool(budgets) and "FORECASTED" in str(budgets[0].body),
    }
    return [what for what, held in checks.items() if not held]


def _as_list(value: object) -> list:
    return value if isinstance(value, list) else [value]
