"""A real browser that opens a page, and what is seen in it."""

import io
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Browser, FloatRect, Page, sync_playwright

from health_predict.errors import InfrastructureError
from infra.debian import install

CHOSEN = "HEALTH_PREDICT_BROWSER"  # a path; else the first of these
NAMES = ("chromium", "google-chrome", "google-chrome-stable", "chromium-browser")
QUIET = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking")
NO_UPDATES = ("--disable-component-update", "--disable-sync")
# the same text size and shapes everywhere: no scrollbar that takes room, no hinting
LIKE_PRINT = ("--hide-scrollbars", "--font-render-hinting=none")
MEASURE = Path(__file__).with_name("measure.js").read_text(encoding="utf-8")
TALLEST = 12_000  # pixels of a screenshot; Evidently's pages are longer, and take longer than all others
LOCAL = ("file:", "data:", "blob:", "about:")
# without preload axe-core does not ask for the style sheets again, which a page that is a file may not
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"], "resultTypes": ["violations"], "preload": False}


@dataclass(frozen=True)
class Figure:
    """A picture in a page.

    Attributes:
        name: what a screen reader says.
        title: the heading above it; empty if there is none.
        contrast: standard deviation of its grey values, 0..127; a blank picture has 0.
        smallest: height of its smallest text on the screen, in pixels; 0 without text.
        problems: texts that stick out of it, cover each other or are faint.
        legend: of every entry its words, and the looks of its marks: colour, and shape with dashes.
    """

    name: str
    title: str
    contrast: float
    smallest: float
    problems: tuple[str, ...]
    legend: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]


@dataclass(frozen=True)
class Seen:
    """A page as one window of `width` pixels shows it.

    Attributes:
        errors: on the console, or thrown.
        outside: addresses it asked for that are no files.
        overflow: pixels by which it is wider than the window.
        cut: texts wider than the box that holds them, which does not scroll.
        violations: of axe-core's rules, WCAG 2.1 A and AA.
        unseen: how many pictures are below the end of the screenshot.
    """

    width: int
    errors: tuple[str, ...]
    outside: tuple[str, ...]
    overflow: int
    cut: tuple[str, ...]
    violations: tuple[str, ...]
    figures: tuple[Figure, ...]
    unseen: int


def find_browser() -> str:
    """Return the path of a Chromium, which is installed where it is missing; InfrastructureError if none can be had."""
    chosen = os.environ.get(CHOSEN)
    if chosen:
        if not shutil.which(chosen):
            raise InfrastructureError(f"{CHOSEN}={chosen} is not a program")
        return chosen
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        install("chromium", "a browser (Chromium or Chrome)")
        found = shutil.which("chromium")
    if found is None:
        raise InfrastructureError("Debian's chromium is installed, and not on the PATH")
    return found


@contextmanager
def browser() -> Iterator[Browser]:
    """A browser without a window, with a profile of its own that is gone afterwards."""
    with sync_playwright() as playwright:
        arguments = [*QUIET, *NO_UPDATES, *LIKE_PRINT]
        opened = playwright.chromium.launch(executable_path=find_browser(), args=arguments)
        yield opened
        opened.close()


def look(opened: Browser, file: Path, width: int, picture: Path, *, audited: bool) -> Seen:
    """Open a file and see what it shows; its whole screenshot goes to `picture`, axe-core runs if it is `audited`."""
    page = opened.new_page(viewport={"width": width, "height": 900})
    errors: list[str] = []
    outside: list[str] = []
    page.on("console", lambda said: errors.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda thrown: errors.append(str(thrown)))
    page.on("request", lambda asked: None if asked.url.startswith(LOCAL) else outside.append(asked.url))
    page.goto(file.as_uri(), wait_until="load")
    _wait_for_drawings(page)
    measured = page.evaluate(MEASURE)
    size: FloatRect = {"x": 0, "y": 0, "width": width, "height": min(measured["height"], TALLEST)}
    shown = page.screenshot(full_page=True, clip=size, path=picture)
    violations = _violations(page) if audited else ()
    page.close()
    within = [figure for figure in measured["figures"] if figure["box"][3] <= TALLEST]
    figures = _figures(within, Image.open(io.BytesIO(shown)).convert("L"))
    overflow, cut = int(measured["overflow"]), tuple(measured["cut"])
    unseen = len(measured["figures"]) - len(figures)
    return Seen(width, tuple(errors), tuple(outside), overflow, cut, violations, figures, unseen)


def _wait_for_drawings(page: Page) -> None:
    """Evidently draws by script: its page is there once nothing in it has changed for a while."""
    page.evaluate(
        """() => new Promise(done => {
            if (!document.scripts.length) return done();
            let rest = setTimeout(done, 800);
            new MutationObserver(() => { clearTimeout(rest); rest = setTimeout(done, 250); })
                .observe(document, {childList: true, subtree: true, attributes: true});
        })"""
    )


def _violations(page: Page) -> tuple[str, ...]:
    found = Axe().run(page, options=RULES).response["violations"]
    return tuple(
        f"{rule['id']}: {node['target'][0]} {node['failureSummary'].splitlines()[-1].strip()}"
        for rule in found
        for node in rule["nodes"]
    )


def _figures(measured: list[dict[str, Any]], shown: Image.Image) -> tuple[Figure, ...]:
    return tuple(
        Figure(
            figure["name"],
            figure["title"],
            float(np.asarray(shown.crop(figure["box"])).std()),
            float(figure["smallest"]),
            tuple(figure["problems"]),
            tuple((words, tuple(map(tuple, looks))) for words, looks in figure["legend"]),
        )
        for figure in measured
    )
