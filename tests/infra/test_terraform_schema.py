"""Every argument in infra/terraform exists in the AWS provider, and none that it requires is missing."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from tests.infra.provider_schema import FILE
from tests.infra.terraform_files import FOLDER, Files, committed

pytestmark = pytest.mark.infra

SCHEMA = json.loads(FILE.read_text())
META = {"count", "depends_on", "dynamic", "for_each", "lifecycle", "provider"}


def unknown(files: Files) -> list[str]:
    """What the provider would refuse, in words."""
    blocks = [*files.blocks(), *files.blocks(kind="data")]
    kinds = {"resource": "resources", "data": "data-sources"}
    return [what for b in blocks for what in _problems(b.body, SCHEMA[f"{kinds[b.kind]}/{b.type}"], b.address)]


def _problems(body: Mapping[str, Any], schema: Mapping[str, Any], where: str) -> list[str]:
    dynamic = {name: block["content"] for entry in body.get("dynamic", []) for name, block in entry.items()}
    given = {**{name: value for name, value in body.items() if name not in META}, **dynamic}
    wrong = [f"{where}: no argument {name}" for name in given if name not in schema]
    wrong += [f"{where}: {name} is missing" for name, rule in schema.items() if rule["required"] and name not in given]
    for name, value in given.items():
        block = schema.get(name, {}).get("block")
        for nested in value if isinstance(value, list) else [value]:
            if block and isinstance(nested, dict):
                wrong += _problems(nested, block, f"{where}.{name}")
    return wrong


def test_the_provider_knows_every_argument() -> None:
    assert unknown(committed()) == []


def test_the_schema_is_that_of_the_pinned_version() -> None:
    (provider,) = committed().settings()["required_providers"]
    assert provider["aws"]["version"] == SCHEMA["provider"]


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("instance.tf", "http_tokens ", "http_token ", "metadata_options: no argument http_token"),
        ("instance.tf", "cpu_credits", "cpu_credit", "credit_specification: no argument cpu_credit"),
        ("registry.tf", "scan_on_push = true", "", "image_scanning_configuration: scan_on_push is missing"),
        ("storage.tf", "noncurrent_days ", "days ", "noncurrent_version_expiration: no argument days"),
        ("budget.tf", '  time_unit    = "MONTHLY"\n', "", "aws_budgets_budget.monthly: time_unit is missing"),
    ],
)
def test_a_misspelt_or_missing_argument_is_found(file: str, old: str, new: str, said: str) -> None:
    text = (FOLDER / file).read_text()
    assert old in text
    assert [what for what in unknown(committed().with_text(file, text.replace(old, new))) if said in what]
