"""The Terraform files as data, for policies over them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import hcl2

from stacks.environment import PROJECT

FOLDER = PROJECT / "infra" / "terraform"
_OPTIONS = hcl2.SerializationOptions(with_comments=False, explicit_blocks=False, strip_string_quotes=True)


@dataclass(frozen=True)
class Block:
    """One resource or data source."""

    kind: str  # resource or data
    type: str
    name: str
    body: Mapping[str, Any]

    @property
    def address(self) -> str:
        return f"{self.type}.{self.name}"

    def first(self, key: str) -> Mapping[str, Any]:
        """The nested block `key`; empty if there is none."""
        blocks = self.body.get(key) or [{}]
        return blocks[0]


@dataclass(frozen=True)
class Files:
    """Each file's parsed content by its name."""

    content: Mapping[str, Mapping[str, Any]]

    def blocks(self, type_: str | None = None, kind: str = "resource") -> list[Block]:
        found = (block for content in self.content.values() for block in _blocks(content, kind))
        return [block for block in found if type_ in (None, block.type)]

    def one(self, type_: str, kind: str = "resource") -> Block:
        (block,) = self.blocks(type_, kind)
        return block

    def named(self, kind: str) -> dict[str, Mapping[str, Any]]:
        """What `kind` (variable, output, provider) declares, by name."""
        entries = [entry for content in self.content.values() for entry in content.get(kind, [])]
        return {name: body for entry in entries for name, body in entry.items()}

    def locals(self) -> dict[str, Any]:
        entries = [entry for content in self.content.values() for entry in content.get("locals", [])]
        return {name: value for entry in entries for name, value in entry.items()}

    def settings(self) -> Mapping[str, Any]:
        (entry,) = [entry for content in self.content.values() for entry in content.get("terraform", [])]
        return entry

    def with_text(self, file: str, text: str) -> "Files":
        """The same, one file of it replaced."""
        return Files({**self.content, file: parse(text)})


@cache
def parse(text: str) -> Mapping[str, Any]:
    return hcl2.loads(text, serialization_options=_OPTIONS)


@cache
def committed() -> Files:
    """What stands in infra/terraform."""
    return Files({path.name: parse(path.read_text()) for path in sorted(FOLDER.glob("*.tf"))})


def statements(files: Files) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every statement of every IAM policy document, with the document's name."""
    for document in files.blocks("aws_iam_policy_document", "data"):
        for statement in document.body["statement"]:
            yield document.name, statement


def _blocks(content: Mapping[str, Any], kind: str) -> Iterator[Block]:
    for entry in content.get(kind, []):
        for type_, named in entry.items():
            for name, body in named.items():
                yield Block(kind, type_, name, body)
