"""Draws a matplotlib figure as SVG for a page: small, the same for the same input, with a text in place of the picture.

The colours are those of Okabe and Ito, "Color Universal Design", 2008, told apart with every kind of colour vision.
"""

import io
import re
import threading
from collections.abc import Callable
from typing import Any

import matplotlib as mpl
from markupsafe import Markup, escape
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
YELLOW, BLUE, VERMILLION, PURPLE = "#F0E442", "#0072B2", "#D55E00", "#CC79A7"
INK, MUTED, GRID = "#222222", "#5A5A5A", "#DDDDDD"

WIDE, SMALL = (5.0, 3.7), (3.6, 2.5)  # inches: in a card as wide as a telephone texts can still be read
_POINTS, _BORDER = 72, 4  # per inch, and around the drawing

_LOCK = threading.Lock()  # matplotlib keeps its settings in one place for all threads
_STYLE: dict[str, Any] = {
    "font.family": ["DejaVu Sans"],  # comes with matplotlib, so that the layout is the same everywhere
    "font.size": 9.5,
    "text.color": INK,
    "text.parse_math": False,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.8,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.unicode_minus": True,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "lines.linewidth": 1.8,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "svg.fonttype": "none",
}
_NO_METADATA = {"Date": None, "Creator": None, "Format": None, "Type": None}


def percentages() -> FuncFormatter:
    """Label an axis of shares as the pages write percentages."""
    return FuncFormatter(lambda share, _: f"{round(100 * share, 6):g} %".replace("-", "\N{MINUS SIGN}"))


def draw(
    paint: Callable[[Axes], None],
    *,
    name: str,
    alt: str,
    size: tuple[float, float] = WIDE,
    sides: tuple[float, float] | None = None,
) -> Markup:
    """Draw one pair of axes. An artist whose URL is "#anchor" becomes a link within the page.

    Args:
        name: unique within a page, since the identifiers inside the SVG follow from it.
        alt: what the picture shows, in words.
        size: width and height in inches.
        sides: inches left and right of the axes, so that several pictures share one horizontal axis; None to fit.
    """
    settings: Any = mpl.rcParams
    with _LOCK, mpl.rc_context():
        mpl.rcdefaults()  # whatever the user's matplotlibrc says
        settings.update(_STYLE | {"svg.hashsalt": name})
        figure = Figure(figsize=size, dpi=_POINTS)
        canvas: Any = FigureCanvasSVG(figure)
        axes = figure.add_subplot()
        paint(axes)
        _fill(figure, axes)
        if sides is not None:
            figure.subplots_adjust(left=sides[0] / size[0], right=1 - sides[1] / size[0])
        buffer = io.StringIO()
        canvas.print_svg(buffer, metadata=_NO_METADATA)  # savefig would draw everything twice
    return _inline(buffer.getvalue(), alt)


def _fill(figure: Figure, axes: Axes) -> None:
    """Widen the axes until their labels reach the border; matplotlib's own layouts measure all texts twice."""
    inner, (width, height) = axes.get_window_extent(), figure.bbox.size
    outer = axes.get_tightbbox(bbox_extra_artists=axes.texts)  # what is drawn inside cannot stick out
    if outer is None:
        return
    figure.subplots_adjust(
        left=(inner.x0 - outer.x0 + _BORDER) / width,
        right=1 - (outer.x1 - inner.x1 + _BORDER) / width,
        bottom=(inner.y0 - outer.y0 + _BORDER) / height,
        top=1 - (outer.y1 - inner.y1 + _BORDER) / height,
    )


def _inline(svg: str, alt: str) -> Markup:
    """Cut an SVG file down to the element that goes into a page; its text takes the page's font."""
    width, height = re.findall(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', svg)[0]
    body = svg[svg.index(">", svg.index("<svg")) + 1 :]
    body = re.sub(r"<!--.*?-->", "", body, flags=re.DOTALL)
    body = re.sub(r"; font-family: [^;\"]*|font-family: [^;\"]*; ?", "", body)
    body = re.sub(r'<a xlink:href="#([\w-]+)" target="_blank">', _link, body)
    used = set(
        re.findall(r"(?:url\(|href=\")#([\w.-]+)", body)
    )  # other identifiers would occur again in the next plot of the page
    body = body.replace('<g id="legend_1">', '<g class="legend">')
    body = re.sub(r' id="([^"]*)"', lambda found: found[0] if found[1] in used else "", body)
    body = re.sub(r"\s*\n\s*", "\n", body).strip()
    role = "group" if "<a " in body else "img"  # what is within an image is hidden from a screen reader, links too
    opening = f'<svg class="plot" role="{role}" aria-label="{escape(alt)}" viewBox="0 0 {width} {height}">'
    return Markup(opening + body)  # noqa: S704 - drawn above, its texts escaped


def _link(found: re.Match[str]) -> str:
    """Name a link within the page after its anchor; the keyboard finds the same target in the page's tables."""
    return f'<a href="#{found[1]}" tabindex="-1"><title>{found[1].replace("-", " ")}</title>'
