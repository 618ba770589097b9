import re

import numpy as np
import pytest

from health_predict.columns import ENCOUNTER, PATIENT
from health_predict.exploration import Share, explore
from health_predict.pages import exploration_page
from health_predict.pages.exploration import share_text
from tests.strategies import raw_frame

CANARY_PATIENT, CANARY_ENCOUNTER, CANARY_DIAGNOSIS, CANARY_SPECIALTY = (
    77123456789,
    88123456789,
    "E927.8",
    "SportsMedicine",
)


def explored():
    """A frame in which one patient has an identifier, an encounter, a diagnosis and a specialty of their own."""
    frame = raw_frame(400, seed=3).replace(CANARY_SPECIALTY, "Surgery-General")
    first = np.arange(400) == 0
    frame[PATIENT] = np.where(first, CANARY_PATIENT, frame[PATIENT])
    frame[ENCOUNTER] = np.where(first, CANARY_ENCOUNTER, frame[ENCOUNTER])
    frame["diag_1"] = frame["diag_1"].where(~first, CANARY_DIAGNOSIS)
    frame["medical_specialty"] = frame["medical_specialty"].where(~first, CANARY_SPECIALTY)
    return explore(frame, "any", rows={"train": 300, "validation": 100, "test": 60, "future": 1840}, encounters=2400)


@pytest.fixture(scope="module")
def html() -> str:
    return exploration_page(explored(), "uci")


def test_sections_figures_and_counts_are_there(html):
    for heading in ("Parts and exclusions", "Who is readmitted at all", "What is missing", "Arrival order", "counts"):
        assert heading in html
    for title in ("age", "admission type", "inpatient stays", "haemoglobin A1c test", "days in hospital", "chapter"):
        assert f"<h3>Target rate by {title}" in html
    assert html.count('<svg class="plot"') == 6 + 1 + 6 + 8
    assert "Left out: 100 of 2,400 encounters (4.2\u00a0%)" in html
    assert "1,840" in html


def test_every_figure_has_words_and_a_reading(html):
    assert html.count('role="img" aria-label="') == html.count("<svg") == html.count("<figcaption>")
    assert 'aria-label=""' not in html
    assert "<figcaption></figcaption>" not in html


def test_nobody_can_be_singled_out(html):
    for canary in (str(CANARY_PATIENT), str(CANARY_ENCOUNTER), CANARY_DIAGNOSIS, CANARY_SPECIALTY):
        assert canary not in html


def test_synthetic_is_said_at_every_plot_and_table_and_the_plots_come_out_the_same(html):
    synthetic = exploration_page(explored(), "synthetic")
    marks = synthetic.count('<span class="synthetic">synthetic</span>')
    assert marks >= synthetic.count("<svg") + synthetic.count("<caption>") + 1
    assert plots(synthetic) == plots(html)


def plots(html: str) -> list[str]:
    return re.findall(r"<svg.*?</svg>", html, flags=re.DOTALL)


def test_it_is_small_and_self_contained(html):
    assert len(html) < 1_500_000
    assert "http" not in html
    assert "<script" not in html


def test_shares_of_few_patients_are_told_in_words():
    texts = [share_text(s) for s in (Share(0.0, few=True), Share(1.0, few=True), Share(0.25))]
    assert texts == ["under 11 patients", "all but under 11 patients", "25.0\u00a0%"]
