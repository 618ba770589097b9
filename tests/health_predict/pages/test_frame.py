import pytest
from markupsafe import Markup

from health_predict.evaluation import Interval
from health_predict.pages.frame import Figure, Section, Table, Text, number_interval, percent, percent_interval, render

HOSTILE = "<script>alert('x')</script>"
BLOCKS = (
    Figure("Plot", Markup("<svg></svg>"), "How to read it."),
    Table("Open", ("name", "value"), (("a", "1"), ("b", "2")), strong=(1,)),
    Table("Closed", ("name", "value"), (("a", "1"),), folded=True),
    Text(("One.", "Two.")),
)


def page(provenance="uci", blocks=BLOCKS, title="Title", facts=()):
    return render(title, [Section("Heading", "Lead.", blocks)], provenance, lead="What it is.", facts=facts)


def test_every_block_is_there():
    html = page(facts=[("model", "m")])
    for text in ("<h1>Title", "<h2>Heading", "Lead.", "<svg></svg>", "How to read it.", "<p>Two.</p>", "<dd>m</dd>"):
        assert text in html
    assert html.count("<table>") == 2
    assert html.count("<details") == 1
    assert html.count('<tr class="strong">') == 1


@pytest.mark.parametrize("provenance", ["uci", "file", "synthetic"])
def test_never_for_clinical_use(provenance):
    html = page(provenance)
    assert html.count("not for clinical use") == 1
    assert "Not for clinical use." in html


def test_synthetic_is_said_in_title_banner_heading_and_at_every_number():
    html = page("synthetic")
    assert '<p class="banner"' in html
    assert "<title>Title (synthetic)" in html
    mark = '<span class="synthetic">synthetic</span>'
    assert f"<h1>Title {mark}" in html
    assert f"<h3>Plot {mark}" in html
    assert f"<caption>Open {mark}" in html
    assert f"<summary>Closed {mark}" in html


@pytest.mark.parametrize("provenance", ["uci", "file"])
def test_real_data_are_not_called_synthetic(provenance):
    body = page(provenance).split("</style>")[1]
    assert "synthetic" not in body


def test_foreign_text_is_escaped_everywhere():
    table = Table(HOSTILE, (HOSTILE,), ((HOSTILE,),), note=HOSTILE)
    figure = Figure(HOSTILE, Markup("<svg></svg>"), HOSTILE)
    html = page(blocks=(table, figure, Text((HOSTILE,))), title=HOSTILE, facts=[(HOSTILE, HOSTILE)])
    assert "<script" not in html
    assert html.count("&lt;script&gt;") >= 9


def test_it_needs_neither_network_nor_script():
    html = page()
    for word in ("http:", "https:", "<script", "<link", "@import", "url(", "<img", "href"):
        assert word not in html


def test_warnings_stand_above_everything_and_are_escaped():
    html = render("Title", [], "uci", lead="", warnings=[("injected", HOSTILE), ("second", "one")])
    top = html.split("<header>")[0]
    assert top.count('<p class="banner"') == 2
    assert "<script" not in html


def test_markup_in_a_cell_or_a_fact_stays_and_a_wide_figure_takes_all_the_width():
    table = Table("Links", ("name",), ((Markup('<a href="#x">x</a>'),),))
    wide = Figure("Wide", Markup("<svg></svg>"), "How to read it.", wide=True)
    html = page(blocks=(table, wide, BLOCKS[0]), facts=[("who", Markup("<b>me</b>"))])
    assert '<td class="text"><a href="#x">x</a></td>' in html
    assert "<dd><b>me</b></dd>" in html
    assert html.count('<figure class="card wide">') == html.count('<figure class="card">') == 1


def test_without_data_no_origin_is_claimed():
    assert "<dt>data</dt><dd>none yet</dd>" in page(None)


def test_numbers_are_written_alike():
    assert percent(0.4567) == "45.7\u00a0%"
    assert percent_interval(Interval(-0.05, -0.1, 0.002)) == "−5.0\u00a0% (−10.0\u00a0to\u00a00.2)"
    assert number_interval(Interval(0.7071, 0.69, 0.72)) == "0.707 (0.690\u00a0to\u00a00.720)"
