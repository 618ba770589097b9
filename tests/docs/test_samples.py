"""The sample reports are whole, small, and hold nothing about a single patient or of the machine they were made on."""

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from driver.samples import LARGEST, OURS
from health_predict.columns import PATIENT

PAGES = (
    "monitoring.html",
    "evaluation.html",
    "calibration.html",
    "exploration.html",
    "drift_evidently.html",
    "drift_summary.html",
    "no_drift_evidently.html",
    "no_drift_summary.html",
)
SAMPLES = OURS.samples
FILES = [*(SAMPLES / name for name in PAGES), SAMPLES / "model_card.md", OURS.card, OURS.picture]
each_file = pytest.mark.parametrize("file", FILES, ids=lambda path: path.name)


@each_file
def test_it_is_small_and_of_the_real_data(file: Path) -> None:
    text = file.read_text()
    assert 1_000 < len(text.encode()) < LARGEST
    assert "synthetic sample" not in text.lower()


@each_file
def test_it_holds_no_identifier_and_no_local_path(file: Path) -> None:
    text = re.sub(r"url\(data:[^)]*\)", "", file.read_text())
    assert PATIENT not in text
    assert re.findall(r"(?<![\w.#-])\d{6,9}(?![\w.-])", text) == [], (
        "whole numbers are written with commas: identifiers?"
    )
    assert re.findall(r"""["'(](?:/tmp|/root|/home|/work|file:)[/\w.-]*""", text) == []


@each_file
def test_it_loads_nothing_from_elsewhere(file: Path) -> None:
    assert re.findall(r"""(?:src|href)=["']?(?:https?:)?//[^"' >]*""", file.read_text()) == []


def test_links_between_the_samples_lead_somewhere() -> None:
    for page in (SAMPLES / name for name in PAGES):
        targets = {t for t in re.findall(r"""(?:src|href)=["']([^"'#:]+)["']""", page.read_text()) if "<" not in t}
        assert {target for target in targets if not (SAMPLES / target).is_file()} == set(), page.name


def test_one_report_has_drift_and_one_has_none() -> None:
    drift, none = ((SAMPLES / f"{name}_evidently.html").read_text() for name in ("drift", "no_drift"))
    assert "Dataset Drift is detected" in drift
    assert "Dataset Drift is NOT detected" in none


def test_the_loop_is_a_full_one() -> None:
    page = (SAMPLES / "monitoring.html").read_text()
    assert re.search(r"16, 16 judged", page)
    assert "retrain, promoted" in page
    assert "recalibrate" in page


def test_the_picture_is_an_image_without_links_or_scripts() -> None:
    assert OURS.picture.stat().st_size < 300_000
    tags = {element.tag.rpartition("}")[2] for element in ElementTree.parse(OURS.picture).iter()}  # noqa: S314 - our own
    assert {"svg", "text", "path"} <= tags
    assert tags.isdisjoint({"a", "script", "foreignObject"})
