"""Every page as a browser shows it, narrow and wide: nothing cut off, covered, blank, faint or told by hue alone.

Screenshots of all pages are left in .state/screenshots, or the folder that HEALTH_PREDICT_SCREENSHOTS names.
"""

import os
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser

from health_predict.errors import InfrastructureError
from stacks import environment
from tests.docs.browser import CHOSEN, MEASURE, Figure, Seen, browser, find_browser, look
from tests.docs.colour_vision import KINDS, seen_colours
from tests.docs.made_pages import EVIDENTLYS, OUR_PAGES, OURS_MADE, PICTURES, write_pages

pytestmark = pytest.mark.docs
SITE = "site_index"
ALL = (*OUR_PAGES, *EVIDENTLYS, SITE, *PICTURES)
AUDITED = (*OUR_PAGES, SITE)
PAPER = 718  # A4 less its margins, in pixels
WIDE, NARROW = 1280, 400  # pixels; axe-core runs on narrow pages, where more can go wrong
LEAST_CONTRAST = 5  # grey values out of 255
SMALLEST = 7.99  # pixels of a font
SERIES_APART, STEPS_APART = 20.0, 5.0  # CIE76, of marks that are alike but for their colour; 2 can just be told


@pytest.fixture(scope="module")
def opened() -> Iterator[Browser]:
    try:
        with browser() as running:
            yield running
    except InfrastructureError as error:
        pytest.fail(f"NOT RUN: {error}", pytrace=False)


@pytest.fixture(scope="module")
def pages(site: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    write_pages(folder)
    files = {name: folder / f"{name}.html" for name in (*OUR_PAGES, *EVIDENTLYS, *PICTURES)}
    return files | {SITE: site / "index.html"}


@pytest.fixture(scope="module")
def seen(opened: Browser, pages: dict[str, Path]) -> dict[str, list[Seen]]:
    """What every page shows, at each width."""
    folder = Path(os.environ.get("HEALTH_PREDICT_SCREENSHOTS", environment.state_folder() / "screenshots"))
    folder.mkdir(parents=True, exist_ok=True)
    return {
        name: [
            look(opened, file, width, folder / f"{name}-{width}.png", audited=width == NARROW and name in AUDITED)
            for width in (WIDE, NARROW)
        ]
        for name, file in pages.items()
    }


@pytest.mark.parametrize("name", ALL)
def test_it_says_no_error_and_asks_for_nothing_outside(seen: dict[str, list[Seen]], name: str) -> None:
    assert [(view.width, view.errors, view.outside) for view in seen[name] if view.errors or view.outside] == []


@pytest.mark.parametrize("name", ALL)
def test_it_fits_into_the_window(seen: dict[str, list[Seen]], name: str) -> None:
    assert [(view.width, view.overflow) for view in seen[name] if view.overflow > 0] == []


@pytest.mark.parametrize("name", OUR_PAGES)
def test_no_text_is_cut_off(seen: dict[str, list[Seen]], name: str) -> None:
    assert [(view.width, view.cut) for view in seen[name] if view.cut] == []


@pytest.mark.parametrize("name", [*OUR_PAGES, *PICTURES])
def test_texts_of_a_picture_can_be_read(seen: dict[str, list[Seen]], name: str) -> None:
    figures = [(view.width, figure) for view in seen[name] for figure in view.figures]
    assert [(width, figure.title, figure.problems) for width, figure in figures if figure.problems] == []
    if name not in PICTURES:
        assert [(width, figure.title, figure.smallest) for width, figure in figures if figure.smallest < SMALLEST] == []


@pytest.mark.parametrize("name", [name for name in ALL if name != SITE])
def test_no_picture_is_blank(seen: dict[str, list[Seen]], name: str) -> None:
    assert name in EVIDENTLYS or sum(view.unseen for view in seen[name]) == 0
    found = [(view.width, f.title, f.contrast) for view in seen[name] for f in view.figures]
    assert found or name in OUR_PAGES, "nothing was drawn"
    assert [figure for figure in found if figure[2] < LEAST_CONTRAST] == []


@pytest.mark.parametrize("name", OURS_MADE)
def test_nothing_is_cut_off_on_paper(opened: Browser, pages: dict[str, Path], name: str) -> None:
    page = opened.new_page(viewport={"width": PAPER, "height": 1000})
    page.emulate_media(media="print")
    page.goto(pages[name].as_uri())
    measured = page.evaluate(MEASURE)
    page.close()
    assert measured["overflow"] <= 0
    assert measured["cut"] == []


@pytest.mark.parametrize("name", OUR_PAGES)
def test_every_picture_has_a_title_and_words(seen: dict[str, list[Seen]], name: str) -> None:
    figures = [figure for view in seen[name] for figure in view.figures]
    assert [figure for figure in figures if len(figure.name) < 20 or not figure.title] == []
    names = [figure.name for figure in seen[name][0].figures]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("name", AUDITED)
def test_it_keeps_the_rules_of_wcag(seen: dict[str, list[Seen]], name: str) -> None:
    assert [(view.width, view.violations) for view in seen[name] if view.violations] == []


def alike(figure: Figure) -> Iterator[tuple[str, str, str, str, float]]:
    """Yield words and colours of marks that only their colour tells apart, and how far apart those must be."""
    for (words, marks), (others, other_marks) in combinations(figure.legend, 2):
        for place, (colour, shape) in enumerate(marks):
            for other_place, (other_colour, other_shape) in enumerate(other_marks):
                if shape == other_shape:
                    ramp = len(marks) > 1 and place == other_place
                    yield words, others, colour, other_colour, STEPS_APART if ramp else SERIES_APART


@pytest.mark.parametrize("name", [name for name in OUR_PAGES if not name.startswith("sample_")])
def test_series_can_be_told_apart_without_hue(opened: Browser, seen: dict[str, list[Seen]], name: str) -> None:
    for figure in seen[name][0].figures:
        pairs = list(alike(figure))
        if not pairs:
            continue
        shown = seen_colours(opened, [colour for pair in pairs for colour in pair[2:4]])
        distances = np.linalg.norm(shown[:, 0::2] - shown[:, 1::2], axis=2)
        close = [
            (kind, *pair, float(distance))
            for kind, row in zip(KINDS, distances, strict=True)
            for pair, distance in zip(pairs, row, strict=True)
            if distance < pair[4]
        ]
        assert close == [], figure.title


def test_the_check_of_colours_knows_red_and_green(opened: Browser) -> None:
    shown = seen_colours(opened, ["#D00000", "#5A7000"])
    apart = dict(zip(KINDS, np.linalg.norm(shown[:, 0] - shown[:, 1], axis=1), strict=True))
    assert apart["none"] > 80
    assert apart["deuteranopia"] < 25


def test_without_a_browser_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(CHOSEN, str(tmp_path / "none"))
    with pytest.raises(InfrastructureError, match=r"^HEALTH_PREDICT_BROWSER=.*none is not a program$"):
        find_browser()
    monkeypatch.delenv(CHOSEN)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(InfrastructureError, match=r"only root on Debian can install it; install chromium$"):
        find_browser()
    for name in ("google-chrome", "chromium"):
        (tmp_path / name).touch(mode=0o755)
        assert find_browser() == str(tmp_path / name)
