"""The frame that all pages share: head, marks of provenance, sections of figures, tables and texts, foot."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from health_predict.evaluation import Interval
from health_predict.reading import Provenance

_TEMPLATES = Path(__file__).parent / "templates"
_ENVIRONMENT = Environment(
    loader=FileSystemLoader(_TEMPLATES),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_ORIGIN: dict[Provenance | None, str] = {
    "uci": "Diabetes 130-US hospitals, 1999-2008 (UCI data set 296, CC BY 4.0)",
    "file": "a file given by the user, not the published one",
    "synthetic": "a synthetic sample drawn from an aggregate profile",
    None: "none yet",
}


@dataclass(frozen=True)
class Figure:
    """A plot with its title and one sentence that says how to read it or what it shows; `wide` takes all the width."""

    kind: ClassVar[str] = "figure"
    title: str
    svg: Markup
    reading: str
    wide: bool = False


@dataclass(frozen=True)
class Table:
    """A table with its caption; the columns in `texts` are set left, the others are numbers. Markup stays as it is.

    Attributes:
        strong: positions of rows that stand out.
        folded: closed until it is clicked.
        abreast: takes half of the width.
    """

    kind: ClassVar[str] = "table"
    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""
    texts: tuple[int, ...] = (0,)
    strong: tuple[int, ...] = ()
    folded: bool = False
    abreast: bool = False


@dataclass(frozen=True)
class Text:
    """Paragraphs, over half of the width if `abreast`."""

    kind: ClassVar[str] = "text"
    paragraphs: tuple[str, ...]
    abreast: bool = False


@dataclass(frozen=True)
class Section:
    """A heading, a sentence, and blocks; figures stand two abreast, or three if they are small."""

    heading: str
    lead: str
    blocks: tuple[Figure | Table | Text, ...]
    columns: Literal["pairs", "small"] = "pairs"


def render(
    title: str,
    sections: Sequence[Section],
    provenance: Provenance | None,
    *,
    lead: str,
    facts: Sequence[tuple[str, str]] = (),
    warnings: Sequence[tuple[str, str]] = (),
) -> str:
    """Write a whole page as one HTML string.

    Args:
        provenance: None if there are no data yet.
        lead: one or two sentences under the title.
        facts: names and values beside the title; the origin of the data is added.
        warnings: words and sentences for banners above everything, besides the one for synthetic data.
    """
    return _ENVIRONMENT.get_template("page.html.j2").render(
        title=title,
        lead=lead,
        facts=[*facts, ("data", _ORIGIN[provenance])],
        sections=sections,
        warnings=warnings,
        synthetic=provenance == "synthetic",
        style=Markup((_TEMPLATES / "style.css").read_text(encoding="utf-8")),  # noqa: S704 - our own file
    )


def said(name: str, meaning: str) -> Markup:
    """Write a name and what it says: beside each other, or one below the other where there is little room."""
    return Markup('<div class="said">{} <span>{}</span></div>').format(name, meaning)


def signed(value: float, digits: int) -> str:
    """Write a number with a true minus, and none before a zero."""
    return f"{round(value, digits) + 0.0:.{digits}f}".replace("-", "\N{MINUS SIGN}")


def percent(share: float) -> str:
    """Write a share 0..1 as a percentage."""
    return f"{100 * share:.1f}\N{NO-BREAK SPACE}%"


def percent_interval(share: Interval) -> str:
    """Write a share and its interval as percentages."""
    return _interval(percent(share.value), f"{100 * share.low:.1f}", f"{100 * share.high:.1f}")


def number_interval(value: Interval) -> str:
    """Write a score and its interval with three decimals."""
    return _interval(f"{value.value:.3f}", f"{value.low:.3f}", f"{value.high:.3f}")


def _interval(value: str, low: str, high: str) -> str:
    """Break lines only before the bracket."""
    return f"{value} ({low}\N{NO-BREAK SPACE}to\N{NO-BREAK SPACE}{high})".replace("-", "\N{MINUS SIGN}")
