from dataclasses import replace

import pytest

from health_predict.pages.drift_summary import ColumnFinding, DriftSummary, Subject, drift_summary_page, with_heading

HOSTILE = 'x"><script>alert(1)</script>'
SUBJECT = Subject("a1b2c3", "7", "uci")


def finding(column, score, *, drifted, direction="at least", threshold=0.1, missing=(0.0, 0.0)) -> ColumnFinding:
    return ColumnFinding(column, "Jensen-Shannon distance", score, threshold, direction, drifted, missing)


SUMMARY = DriftSummary(
    rows=1000,
    reference_rows=16925,
    columns=(
        finding("age", 0.0321, drifted=False),
        finding("insulin", 0.123, drifted=True),
        finding("payer_code", 0.6, drifted=True, missing=(0.4, 0.7)),
        finding("race", 0.2, drifted=False, direction="below", threshold=0.05),
    ),
    share_needed=0.5,
    score=finding("predicted risk", 0.104, drifted=True),
    notes=("No classification report: no labels have matured.",),
)


def test_the_strongest_drift_comes_first_whatever_the_test() -> None:
    p_value = finding("gender", 0.0, drifted=True, direction="below", threshold=0.05)
    summary = replace(SUMMARY, columns=(*SUMMARY.columns, p_value))
    assert [f.column for f in summary.ordered] == ["gender", "payer_code", "insulin", "age", "race"]
    assert summary.drifted == ("gender", "payer_code", "insulin")
    assert summary.share == pytest.approx(3 / 5)


def test_the_page_has_its_parts() -> None:
    html = drift_summary_page(SUMMARY, SUBJECT)
    for fact in (
        "a1b2c3",
        "1,000",
        "16,925",
        "7",
        "2 of 4 (50.0\u00a0%)",
        "drift of the data set (from 50.0\u00a0% on)",
    ):
        assert f"<dd>{fact}</dd>" in html
    assert html.count('<tr class="strong">') == 2
    for text in ("0.032", "≥ 0.1", "&lt; 0.05", "40.0\u00a0%", "70.0\u00a0%", "no labels have matured"):
        assert text in html
    assert "Jensen-Shannon distance 0.104: drift (drift if ≥ 0.1)." in html
    assert "<script" not in html
    assert "synthetic</span>" not in html


def test_a_share_below_the_rule_is_no_drift_and_parts_that_were_not_made_are_left_out() -> None:
    html = drift_summary_page(replace(SUMMARY, share_needed=0.6, score=None, notes=()), SUBJECT)
    assert "<dd>no drift of the data set (from 60.0\u00a0% on)</dd>" in html
    assert "Predicted risk" not in html
    assert "<h2>Notes" not in html


def test_a_synthetic_batch_is_marked_on_both_pages() -> None:
    subject = replace(SUBJECT, provenance="synthetic")
    assert "synthetic</span>" in drift_summary_page(SUMMARY, subject)
    assert "<strong>synthetic</strong>" in with_heading("<body></body>", subject)
    assert "synthetic" not in with_heading("<body></body>", SUBJECT)


def test_an_injected_shift_is_said_on_both_pages() -> None:
    subject = Subject("a1b2c3", "7", "uci", "a1c:2")
    for html in (drift_summary_page(SUMMARY, subject), with_heading("<body></body>", subject)):
        assert "a1c:2" in html
        assert "njected shift" in html
    assert "njected shift" not in drift_summary_page(SUMMARY, SUBJECT) + with_heading("<body></body>", SUBJECT)


def test_a_foreign_page_says_what_it_is_about_once() -> None:
    html = with_heading("<html><body>\n<p>Report</p><script>'<body>'</script></body></html>", SUBJECT)
    assert html.count("batch a1b2c3 · model version 7") == 1
    assert html.index("batch a1b2c3") < html.index("Report")


@pytest.mark.parametrize("page", [lambda s: drift_summary_page(SUMMARY, s), lambda s: with_heading("<body></body>", s)])
def test_names_are_escaped(page) -> None:
    html = page(Subject(HOSTILE, HOSTILE, "uci"))
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
