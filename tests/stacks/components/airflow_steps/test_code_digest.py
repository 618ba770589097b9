from pathlib import Path

import pytest

from stacks.components.airflow_steps.code_digest import code_digest
from stacks.components.airflow_steps.configuration import AirflowStepsConfig
from stacks.components.airflow_steps.submission import image_settings
from stacks.environment import PROJECT


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for folder in ("steps", "requirements", ".state"):
        (tmp_path / folder).mkdir()
    (tmp_path / ".dockerignore").write_text("# what a step imports\n*\n!steps\n!run.py\n!absent\n**/__pycache__\n")
    for name in ("steps/load.py", "run.py", "requirements/pipeline.txt", ".state/data", "notes.md"):
        (tmp_path / name).write_text(name)
    return tmp_path


def test_the_same_code_is_the_same_image(project: Path) -> None:
    before = code_digest(project, "base:1")
    (project / "steps" / "__pycache__").mkdir()
    (project / "steps" / "__pycache__" / "load.pyc").write_bytes(b"1")
    (project / ".state" / "data").write_text("changed")
    (project / "notes.md").write_text("changed")
    assert code_digest(project, "base:1") == before


@pytest.mark.parametrize("name", ["steps/load.py", "run.py", "requirements/pipeline.txt"])
def test_other_code_or_packages_are_another_image(project: Path, name: str) -> None:
    before = code_digest(project, "base:1")
    (project / name).write_text("changed")
    assert code_digest(project, "base:1") != before


def test_a_moved_file_or_another_base_is_another_image(project: Path) -> None:
    before = code_digest(project, "base:1")
    assert code_digest(project, "base:2") != before
    (project / "steps" / "load.py").rename(project / "steps" / "read.py")
    assert code_digest(project, "base:1") != before


def test_the_tag_of_the_steps_image_is_made_of_it() -> None:
    config = AirflowStepsConfig.model_construct(dockerfile="infra/airflow/steps.Dockerfile", base_image="base:1")
    tag = image_settings(config, PROJECT).image_tag
    assert tag == f"steps-{code_digest(PROJECT, 'base:1')}"
    assert tag != image_settings(config.model_copy(update={"base_image": "base:2"}), PROJECT).image_tag
