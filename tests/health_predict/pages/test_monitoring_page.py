import json
import re
from xml.etree import ElementTree

import pytest

from health_predict.evaluation import Interval
from health_predict.monitoring.group_records import GroupRecord
from health_predict.monitoring.history import read_history
from health_predict.monitoring.ledger import STATES, Ledger
from health_predict.monitoring.monitored import NAMES
from health_predict.pages.monitoring import monitoring_page
from health_predict.pages.monitoring_slices import _table
from health_predict.pages.monitoring_table import link
from tests.health_predict.monitoring import invented_ledger as invented

HOSTILE = "x\"><script>alert('1')</script>&"
CANARY = "77123456789"
SHIFTS = {12: "a1c:1.0", 13: "a1c:1.0"}


def page(ledger: Ledger, changes=None) -> str:
    return monitoring_page(read_history(ledger, invented.changes() if changes is None else changes))


def rewritten(ledger: Ledger, change) -> Ledger:
    """The same ledger after a change of its JSON."""
    content = json.loads(ledger.to_json())
    change(content["entries"])
    return Ledger.from_json(json.dumps(content))


@pytest.fixture(scope="module")
def html() -> str:
    return page(invented.ledger(16, shifts=SHIFTS))


def figure(html: str, title: str) -> str:
    return html.split(f"<h3>{title}")[1].split("</figure>")[0]


def row(html: str, number: int) -> str:
    return html.split(f'<strong id="batch-{number}">')[1].split("</tr>")[0]


def test_sections_and_figures_are_there(html):
    for heading in ("What happened", "Scores and outcomes", "Drift", "For whom it works", "Batches"):
        assert f"<h2>{heading}" in html
    titles = re.findall(r"<h3>([^<]*)", html)
    assert titles == [
        "Alarms, actions and champions",
        "Mean score and observed rate",
        "AUROC: realised, expected and reference",
        "Calibration",
        "Largest deviation of a column",
        "Impact",
        "Which columns drift",
        "Realised AUROC by group",
        "Realised calibration gap by group",
    ]


def test_every_figure_has_words_and_a_reading(html):
    alts = re.findall(r'<svg class="plot" role="(?:img|group)" aria-label="([^"]*)"', html)
    assert len(alts) == html.count("<svg") == html.count("<figcaption>") == 9
    assert all(len(alt) > 40 for alt in alts)
    assert "version 2 rolled back before place 11" in alts[0]
    assert "retrain, refused: 8" in alts[0]
    assert "<figcaption></figcaption>" not in html


def test_the_pictures_are_well_formed(html):
    for svg in re.findall(r"<svg.*?</svg>", html, flags=re.DOTALL):
        ElementTree.fromstring(svg.replace("<svg ", '<svg xmlns:xlink="x" ', 1))  # noqa: S314 - our own


def test_the_head_says_how_things_stand(html):
    head = html.split("<main>")[0]
    assert "Batch 15, 1,000 encounters: DRIFT_DETECTED. Columns (" in head
    assert "Action: none (no alarm)." in head
    for name, value in (
        ("verdict on batch 15", '<span class="badge alarm">DRIFT_DETECTED</span>'),
        ("champion", "version 2"),
        ("served", "version 2"),
        ("batches", "16, 16 judged, 10 with drift"),
        ("acted", "2 retrained (1 refused), 1 recalibrated"),
        ("data", "Diabetes 130-US hospitals, 1999-2008 (UCI data set 296, CC BY 4.0)"),
    ):
        assert f"<dt>{name}</dt><dd>{value}</dd>" in head


def test_another_version_than_the_champion_is_served_and_it_is_loud():
    html = page(rewritten(invented.ledger(3), lambda entries: entries[-1]["outcome"].update(served="1")))
    assert '<dd><span class="badge alarm">version 1, not the champion</span></dd>' in html


def test_each_point_leads_to_the_row_of_its_batch_where_the_reports_and_runs_are(html):
    targets, anchors = set(re.findall(r'href="#([^"]*)"', html)), re.findall(r' id="(batch-\d+)"', html)
    assert anchors == [f"batch-{index}" for index in reversed(range(16))]
    assert set(anchors) <= targets
    for index in (0, 15):
        report = f"drift_reports/{invented.identifier(index)}/data_drift.html"
        assert f'<a href="{report}">data drift</a>' in row(html, index)
        assert f"MLflow mlflow{index}</span>" in row(html, index)
    assert "<title>batch 15</title>" in figure(html, "Mean score")
    ids = re.findall(r' id="([^"]*)"', html)
    assert len(ids) == len(set(ids))


def test_a_row_says_what_was_found_decided_and_done(html):
    refused, promoted = row(html, 8), row(html, 3)
    assert '<strong>refused version 4</strong> <span class="more">AUROC lower by 0.010</span>' in refused
    assert "<strong>retrain</strong>" in promoted
    assert "<strong>promoted version 2</strong>" in promoted
    found = read_history(invented.ledger(16, shifts=SHIFTS), ()).batches[9]
    assert f"{found.realised.auroc.value:.3f} (0.680)" in row(html, 9)
    assert found.verdict.reason in row(html, 9)
    assert "beyond the threshold" not in row(html, 9)  # the reason names them
    assert "\N{EN DASH} (0.680)" in row(html, 15)  # its labels have not matured


def test_columns_that_the_reason_does_not_name_are_named():
    def change(entries):
        entries[-1]["records"]["checked"]["verdict"].update(reason="Evidently: 60% drifted", columns=list("abcdefg"))

    html = page(rewritten(invented.ledger(2), change))
    assert "Evidently: 60% drifted; beyond the threshold: a, b, c, d, e and 2 more" in row(html, 1)


def test_a_reason_that_says_what_came_of_it_is_not_told_twice():
    html = page(rewritten(invented.ledger(4), lambda e: e[-1]["outcome"].update(reason="promoted: better")))
    assert '<strong>version 2</strong> <span class="more">promoted: better</span>' in row(html, 3)


def test_the_heat_map_holds_every_watched_column_the_largest_first(html):
    drawn = re.findall(r">([\w-]+)</text>", figure(html, "Which columns drift"))
    largest: dict[str, float] = {}
    for batch in read_history(invented.ledger(16, shifts=SHIFTS), ()).batches:
        for c in batch.columns:
            largest[c.column] = max(c.deviation, largest.get(c.column, c.deviation))
    assert [name for name in drawn if name in NAMES] == sorted(largest, key=lambda name: (-largest[name], name))
    beyond = sum(f"({n})" in figure(html, "Which columns drift") for n in (2, 5))
    assert beyond == 2  # those that only the injected shift moved, and those that drift


def test_an_injected_shift_is_marked_wherever_its_numbers_stand(html):
    assert "a1c:1.0 in batches 12 to 13." in html.split("<header>")[0]
    for title in re.findall(r"<h3>([^<]*)", html)[:7]:
        assert figure(html, title).count("injected: a1c:1.0") == 1
    assert [i for i in range(16) if '<span class="badge injected">' in row(html, i)] == [12, 13]
    assert "injected" not in page(invented.ledger(3)).split("</style>")[1]


def test_synthetic_is_said_at_every_plot_and_table():
    html = page(invented.ledger(3, provenance="synthetic"))
    marks = html.count('<span class="synthetic">synthetic</span>')
    assert marks >= html.count("<svg") + html.count("<caption>") + 1
    assert '<p class="banner"' in html


def test_small_groups_are_not_judged():
    html = page(invented.ledger(4))
    assert "no labels have matured" not in html.lower()
    table = html.split("<summary>In numbers")[1].split("</table>")[0]
    rows = {group: table.split(f">{group}</td>")[1].split("</tr>")[0] for group in ("Asian", "Caucasian")}
    assert "too few to judge" in rows["Asian"]  # 120 rows
    assert "too few to judge" not in rows["Caucasian"]  # 2,100
    assert "Asian too few to judge" in figure(html, "Realised AUROC").split("<svg")[1].split(">")[0]


def test_an_outcome_of_one_to_ten_encounters_is_not_told():
    few, enough = (GroupRecord("race", "Asian", n, 0.25, 0.4, None, Interval(-0.15, -0.3, 0.1)) for n in (40, 44))
    told, open_ = (_table("In numbers", [group]).rows[0] for group in (few, enough))
    assert (told[3], told[6]) == ("too few", "too few")  # 10 of 40
    assert open_[3] == "25.0\u00a0%"
    assert open_[6].startswith("\N{MINUS SIGN}15.0\u00a0%")


@pytest.mark.parametrize("last", STATES)
def test_a_batch_on_its_way_is_shown_as_far_as_it_has_come(last):
    html = page(invented.ledger(4, last=last))
    badge = f'<span class="badge">only {last}</span>'
    assert (badge in row(html, 3)) == (last in ("seen", "scored"))


def test_a_batch_too_small_to_judge_is_called_so():
    html = page(invented.too_small_at_the_end(3))
    assert '<span class="badge">not judged</span>' in row(html, 3)
    assert "too small to judge: 90 rows, 250 are needed" in row(html, 3)
    assert "Batch 3, 90 encounters: not judged. Too small" in html
    for title in ("Alarms, actions", "Largest deviation", "Impact"):
        assert "not judged" in figure(html, title)
        assert "not judged" not in figure(page(invented.ledger(3)), title)


def test_nothing_yet_is_a_page_too():
    html = page(Ledger(), ())
    assert "No batch has been monitored yet" in html
    assert "<dd>none yet</dd>" in html


def test_one_batch_of_a_ledger_without_log_or_labels():
    html = page(invented.ledger(1), ())
    assert "No labels have matured yet" in html
    assert html.count("<svg") == 7


def test_a_hostile_text_stays_text():
    def change(entries):
        last = entries[-1]["records"]
        last["seen"]["shift"] = HOSTILE
        last["scored"]["version"] = HOSTILE
        last["checked"]["verdict"].update(reason=HOSTILE, columns=[HOSTILE])
        last["checked"]["columns"][HOSTILE] = [0.9, 99.0]
        last["checked"]["slices"][0].update(column=HOSTILE, group=HOSTILE)
        last["checked"]["evidently"]["reports"] = {HOSTILE: HOSTILE}
        last["checked"].update(mlflow_run_id=HOSTILE)
        last["decided"].update(action="retrain", reason=HOSTILE, zenml_run_id=HOSTILE)
        entries[-1]["outcome"] = {"result": HOSTILE, "version": HOSTILE, "served": HOSTILE, "reason": HOSTILE}

    html = page(rewritten(invented.ledger(3), change))
    assert "<script" not in html
    assert "alert('1')" not in re.sub(r"aria-label=\"[^\"]*\"|<text.*?</text>", "", html, flags=re.DOTALL)
    assert html.count("&lt;script&gt;") >= 14


@pytest.mark.parametrize("target", ["javascript:alert(1)", "data:text/html,x", "JavaScript:alert(1)", " javascript:x"])
def test_a_link_never_runs_anything(target):
    assert "href" not in link(target, "report") or 'href="%20' in link(target, "report")


@pytest.mark.parametrize(
    ("target", "written"),
    [
        ("drift_reports/a/data drift.html", "drift_reports/a/data%20drift.html"),
        ("/tmp/state/a.html", "/tmp/state/a.html"),  # noqa: S108 - only a name
        ("s3://bucket/drift_reports/a.html", "s3://bucket/drift_reports/a.html"),
        ("http://127.0.0.1:5000/#/experiments/1/runs/a", "http://127.0.0.1:5000/#/experiments/1/runs/a"),
    ],
)
def test_a_link_leads_where_the_record_says(target, written):
    assert link(target, "a & b") == f'<a href="{written}">a &amp; b</a>'


def test_no_field_is_shown_that_the_page_does_not_know():
    def change(entries):
        for records in (entry["records"] for entry in entries):
            for state in STATES:
                records[state]["example"] = CANARY
            records["seen"].update(first=int(CANARY), last=int(CANARY))

    assert CANARY not in page(rewritten(invented.ledger(3), change))


def test_eighty_batches_are_small_self_contained_and_come_out_the_same():
    ledger = invented.ledger(80)
    html = page(ledger)
    assert len(html) < 1_000_000
    for word in ("http:", "https:", "<script", "<link", "@import", "<img"):
        assert word not in html
    assert page(ledger) == html
