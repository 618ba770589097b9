"""Policies over all of the files: each takes them parsed and returns what is wrong, in words."""

import re

from tests.infra.terraform_files import Files


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
