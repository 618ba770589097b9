import re
from concurrent.futures import ThreadPoolExecutor
from xml.etree import ElementTree

import matplotlib as mpl
from matplotlib._pylab_helpers import Gcf

from health_predict.pages.drawing import draw


def paint(axes):
    axes.plot([0, 1], [0, 1], "o-", label="a < b & c")
    axes.fill_between([0, 1], [0, 1], [1, 2], alpha=0.2)
    axes.set(xlabel="$x$", ylabel="share")
    axes.legend()


def drawn(name="one", alt="a line"):
    return str(draw(paint, name=name, alt=alt))


def test_same_input_gives_the_same_picture_and_leaves_no_setting_behind():
    before = dict(mpl.rcParams)
    first = drawn()
    with mpl.rc_context({"font.size": 30, "axes.facecolor": "red", "svg.hashsalt": None}):
        assert drawn() == first
    assert dict(mpl.rcParams) == before


def test_threads_do_not_disturb_each_other():
    names = [f"figure-{i}" for i in range(6)]
    alone = [drawn(name) for name in names]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(drawn, names)) == alone


def test_it_is_well_formed_and_small():
    svg = drawn()
    root = ElementTree.fromstring(svg.replace("<svg ", '<svg xmlns:xlink="x" ', 1))  # noqa: S314 - our own
    assert root.tag == "svg"
    assert root.attrib["role"] == "img"
    assert len(svg) < 12_000
    for word in ("metadata", "http", "<!--", "DOCTYPE", "font-family", "<title"):
        assert word not in svg


def test_identifiers_are_used_and_differ_between_pictures():
    ids = [set(re.findall(r' id="([^"]*)"', drawn(name))) for name in ("one", "two")]
    assert ids[0]
    assert not ids[0] & ids[1]
    assert ids[0] == set(re.findall(r"(?:url\(|href=\")#([\w.-]+)", drawn("one")))


def test_texts_are_escaped_and_no_formula_is_read_from_them():
    svg = drawn(alt='"><script>alert(1)</script>')
    assert "<script" not in svg
    assert "a &lt; b &amp; c" in svg
    assert ">$x$</text>" in svg


def test_no_figure_is_left_in_the_global_state_of_pyplot():
    drawn()
    assert not Gcf.get_all_fig_managers()


def test_pictures_of_the_same_sides_share_their_axis():
    for label in ("short", "a label that is much longer\nin two lines"):
        svg = str(draw(lambda axes, y=label: axes.set_ylabel(y), name="one", alt="x", size=(6, 2), sides=(1.5, 0.5)))
        assert re.search(r"M 108 [\d.]+\nL 396 ", svg), label


def test_an_anchor_becomes_a_named_link_within_the_page():
    def linked(axes):
        axes.scatter([0, 1], [0, 1]).set_urls(["#batch-3", "#batch-4"])

    svg = str(draw(linked, name="one", alt="x"))
    assert svg.count('<a href="#batch-3" tabindex="-1"><title>batch 3</title>') == 1
    assert svg.count("<title>batch 4</title>") == 1
