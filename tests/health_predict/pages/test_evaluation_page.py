import re
from dataclasses import fields, replace

import numpy as np
import pytest

from health_predict.evaluation import Evaluation, Interval
from health_predict.pages import CandidateRow, EvaluationReport, ModelFacts, Scored, calibration_page, evaluation_page
from health_predict.slices import POOLED, Slice, ToldSlice, tell

HOSTILE = 'x"><script>alert(1)</script>$\\alpha$'
CANARY_PATIENT = 77123456789


def evaluation(shift=0.0) -> Evaluation:
    scores = {f.name: Interval(0.5 + shift, 0.4 + shift, 0.6 + shift) for f in fields(Evaluation)}
    counts = {"rows": 900, "patients": 800, "positives": 400, "threshold": 0.4}
    return Evaluation(**{**scores, **counts})


def part(column: str, group: str, rows: int, positive_rate=0.5) -> ToldSlice:
    return tell(Slice(column, group, rows, rows, positive_rate, 0.4, *[Interval(0.6, 0.5, 0.7)] * 3))


def scored(n=900) -> Scored:
    rng = np.random.default_rng(1)
    p = rng.beta(3, 4, n)
    patients = np.append(rng.integers(0, n, n - 1), CANARY_PATIENT)
    return Scored((rng.random(n) < p).astype(np.int8), p**2, p, patients)


def report(**facts) -> EvaluationReport:
    known = {"name": "HealthPredict", "family": "xgboost", "version": "7", "run_id": "run-1", "target": "any"}
    known |= {"provenance": "uci", "fingerprint": "0689e7ec", "created_at": "2026-01-02 03:04 UTC"}
    return EvaluationReport(
        facts=ModelFacts(**{**known, **facts}),
        metric="auroc",
        candidates=(
            CandidateRow("logistic_regression", "C 0.05", 0.68, 0.01, chosen=False),
            CandidateRow("xgboost", "max_depth 6", 0.69, 0.01, chosen=True),
        ),
        validation=evaluation(0.1),
        test=evaluation(),
        uncalibrated=evaluation(0.2),
        scored=scored(),
        slices=(
            part("race", "Asian", 40, 0.1),
            part("race", POOLED, 60),
            part("age", "40-60", 90),
            part("age", "<40", 50),
        ),
    )


PAGES = {"evaluation": evaluation_page, "calibration": calibration_page}


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    return {name: page(report()) for name, page in PAGES.items()}


def test_evaluation_has_its_parts(pages):
    html = pages["evaluation"]
    for heading in ("Scores", "Ranking", "Decisions", "For whom it works", "What it was chosen from"):
        assert f"<h2>{heading}" in html
    for title in ("ROC curve", "Precision and recall", "Predicted probability by outcome", "Decision curve"):
        assert f"<h3>{title}" in html
    assert html.count('<svg class="plot"') == 7
    assert "prevalence" in html
    assert "0.600 (0.500\u00a0to\u00a00.700)" in html  # validation
    assert "0.500 (0.400\u00a0to\u00a00.600)" in html  # test
    for fact in ("HealthPredict", "xgboost", "run-1", "0689e7ec", "2026-01-02 03:04 UTC", "readmitted at all"):
        assert f"<dd>{fact}</dd>" in html


def test_calibration_has_its_parts(pages):
    html = pages["calibration"]
    assert html.count('<svg class="plot"') == 2
    for text in ("Raw score", "Calibrated probability", "How to read it", "0.700 (0.600\u00a0to\u00a00.800)"):
        assert text in html
    assert html.count("does not contain 1") == 1
    assert len(re.findall(r"<td[^>]*>1?\d</td>", html)) == 15


def test_the_best_candidate_stands_first_and_out(pages):
    table = pages["evaluation"].split("<caption>Candidates by AUROC")[1]
    assert table.index("max_depth 6") < table.index("C 0.05")
    assert "chosen" in table[table.index('<tr class="strong">') : table.index("C 0.05")]


def test_slices_stand_in_order_and_small_counts_are_not_judged(pages):
    table = pages["evaluation"].split("<summary>In numbers")[1]
    order = [table.index(f'<td class="text">{group}</td>') for group in ("Asian", POOLED, "&lt;40", "40-60")]
    assert order == sorted(order)
    asian = table[order[0] : order[1]]
    assert asian.count("too few") == 4  # 4 positives: their rate, AUROC, miss rate and gap
    assert "too few" not in table[order[1] :]


@pytest.fixture(scope="module")
def synthetic() -> dict[str, str]:
    """Pages of the same scores, but of a synthetic sample and a model with a hostile name."""
    hostile = report(provenance="synthetic", name=HOSTILE, version=HOSTILE, run_id=HOSTILE, created_at=HOSTILE)
    return {name: page(hostile) for name, page in PAGES.items()}


@pytest.mark.parametrize("name", PAGES)
def test_a_hostile_name_stays_text(name, synthetic):
    assert "<script" not in synthetic[name]
    assert synthetic[name].count("x&#34;&gt;&lt;script&gt;") == 4


@pytest.mark.parametrize("name", PAGES)
def test_synthetic_is_said_at_every_plot_and_table(name, synthetic):
    html = synthetic[name]
    assert html.count('<span class="synthetic">synthetic</span>') >= html.count("<svg") + html.count("<caption>") + 1
    assert '<p class="banner"' in html


@pytest.mark.parametrize("name", PAGES)
def test_same_scores_give_the_same_plots(name, pages, synthetic):
    first, second = (re.findall(r"<svg.*?</svg>", html[name], flags=re.DOTALL) for html in (pages, synthetic))
    assert first == second


@pytest.mark.parametrize("name", PAGES)
def test_aggregates_only_and_self_contained(name, pages):
    html = pages[name]
    assert str(CANARY_PATIENT) not in html
    assert "not for clinical use" in html
    assert len(html) < 1_500_000
    assert "http" not in html
    assert html.count("<svg") == html.count("<figcaption>") == html.count('role="img" aria-label="')


def test_plots_use_the_colours_of_okabe_and_ito_and_grey(pages):
    palette = {"#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7"}
    found = {colour for html in pages.values() for svg in html.split("<svg")[1:] for colour in _colours(svg)}
    coloured = {c for c in found if len({c[1:3], c[3:5], c[5:7]}) > 1}
    assert {"#0072b2", "#d55e00"} <= coloured <= palette


def _colours(svg: str) -> list[str]:
    return re.findall(r"(?:fill|stroke): ?(#[0-9a-f]{6})", svg.split("</svg>")[0])


def test_outcomes_of_few_patients_are_left_out():
    few = replace(report(), test=replace(evaluation(), threshold=0.999))
    html = evaluation_page(few)
    assert "one holds under 11 patients" in html
    assert "Predicted probability by outcome" not in html
    assert "Predictions at the threshold" not in html


def test_a_worthless_model_is_called_so():
    base = report()
    flat = np.full(900, base.scored.y.mean()) + np.linspace(0, 1e-6, 900)
    html = evaluation_page(replace(base, scored=replace(base.scored, probability=flat)))
    assert "At no threshold does the model gain at least 5 true positives" in html
