"""Documents name what is there: every command parses, every target, module, file and link exists."""

import re
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

import click
import pytest

import run
from tests.docs import documents

every_document = pytest.mark.parametrize("document", documents.DOCUMENTS, ids=documents.name)


def parse(arguments: list[str]) -> None:
    with suppress(click.exceptions.Exit):  # --help
        run.main.make_context("run.py", list(arguments))


@every_document
def test_every_command_parses(document: Path) -> None:
    for arguments in documents.run_commands(document):
        parse(arguments)


def test_a_wrong_command_would_be_seen(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.md"
    wrong.write_text("```bash\npython run.py --pipeline monitor --batchs 3   # typo\n```\n")
    (arguments,) = documents.run_commands(wrong)
    with pytest.raises(click.UsageError, match="--batchs"):
        parse(arguments)


def test_the_manual_shows_every_pipeline() -> None:
    shown = {" ".join(a) for d in documents.DOCUMENTS for a in documents.run_commands(d)}
    choices = next(option for option in run.main.params if option.name == "pipeline").type.choices
    assert [name for name in choices if not any(f"--pipeline {name}" in command for command in shown)] == []


@every_document
def test_every_make_target_is_there(document: Path) -> None:
    makefile = (documents.PROJECT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z][a-z-]*):", makefile, flags=re.MULTILINE))
    assert documents.make_targets(document) - targets == set()


@every_document
def test_every_module_is_there(document: Path) -> None:
    assert {module for module in documents.modules(document) if find_spec(module) is None} == set()


@every_document
def test_every_path_is_there(document: Path) -> None:
    named = documents.paths(document)
    assert {path for path in named if not list(documents.PROJECT.glob(path.rstrip("/")))} == set()


@every_document
def test_every_link_leads_somewhere(document: Path) -> None:
    targets = {target.partition("#")[0] for target in documents.links(document)}
    assert {target for target in targets if not (document.parent / target).exists()} == set()


def test_the_navigation_names_every_page() -> None:
    listed = set(re.findall(r"[\w./-]+\.md", (documents.PROJECT / "mkdocs.yml").read_text()))
    pages = {p.relative_to(documents.PROJECT / "docs").as_posix() for p in documents.DOCUMENTS if "docs" in p.parts}
    assert pages - listed == set(), "add them to nav in mkdocs.yml"


def test_no_document_names_a_model_of_synthetic_data_as_its_card() -> None:
    assert "SYNTHETIC" not in (documents.PROJECT / "docs" / "model_card.md").read_text()
