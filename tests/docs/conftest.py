"""The site, built once for all tests of the documents."""

from pathlib import Path

import pytest

from tests.docs.documents import PROJECT, build


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    result = build(PROJECT / "mkdocs.yml", folder)
    assert result.returncode == 0, result.stderr
    return folder
