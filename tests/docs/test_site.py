"""The site builds strictly, and loads nothing from elsewhere."""

import re
from pathlib import Path

import pytest

from tests.docs.documents import PROJECT, build

pytestmark = pytest.mark.docs
# what a browser would fetch while it shows a page
LOADS = re.compile(
    r'<(?:script|img|iframe)[^>]*\ssrc="?([^"\s>]+)|<link[^>]*rel="?(?:stylesheet|preconnect)[^>]*href="?([^"\s>]+)'
)


def test_it_has_every_page(site: Path) -> None:
    pages = {path.relative_to(PROJECT / "docs").with_suffix(".html") for path in (PROJECT / "docs").rglob("*.md")}
    assert {page for page in pages if not (site / page).is_file()} == set()


def test_it_loads_nothing_from_elsewhere(site: Path) -> None:
    loaded = [found for page in site.rglob("*.html") for pair in LOADS.findall(page.read_text()) for found in pair]
    assert len(loaded) > 20
    assert [address for address in loaded if re.match(r"(?:https?:)?//", address)] == []


def test_a_broken_link_fails_the_build(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "index.md").write_text("[nowhere](nowhere.md)\n")
    config = (PROJECT / "mkdocs.yml").read_text()
    (tmp_path / "mkdocs.yml").write_text(config[: config.index("nav:\n  - index.md")])
    result = build(tmp_path / "mkdocs.yml", tmp_path / "site")
    assert result.returncode != 0
    assert "nowhere.md" in result.stderr
