"""Every page that the project makes: by its own code of invented figures, and the samples of the documents."""

import shutil
from dataclasses import replace
from pathlib import Path

from adapters.evidently_reports import Matured, Scores, build_reports
from driver.samples import OURS
from health_predict.monitoring.history import read_history
from health_predict.monitoring.ledger import Ledger
from health_predict.pages import calibration_page, evaluation_page, exploration_page
from health_predict.pages.drift_summary import drift_summary_page
from health_predict.pages.file_check import file_check_page
from health_predict.pages.monitoring import monitoring_page
from health_predict.pages.timeline_picture import timeline_picture
from tests.adapters import test_evidently_reports as evidently
from tests.adapters.evidently_component import evidently_validator
from tests.health_predict.monitoring import invented_ledger
from tests.health_predict.monitoring.invented import outcomes
from tests.health_predict.monitoring.invented_check import file_check, small_reference
from tests.health_predict.pages import test_drift_summary as drift
from tests.health_predict.pages import test_evaluation_page as evaluation
from tests.health_predict.pages import test_exploration_page as exploration

SHIFTS = {12: "a1c:1.0", 13: "a1c:1.0"}
# written by write_pages; those of Evidently are its own
OURS_MADE = (
    "evaluation",
    "evaluation_of_few",
    "evaluation_synthetic",
    "calibration",
    "exploration",
    "monitoring",
    "monitoring_of_none",
    "monitoring_of_one",
    "drift_summary",
    "file_check",
    "file_check_without_outcomes",
)
SAMPLES = tuple(sorted(path.stem for path in OURS.samples.glob("*.html")))
EVIDENTLYS = ("evidently", "classification", *(f"sample_{name}" for name in SAMPLES if "evidently" in name))
PICTURES = ("timeline", "sample_timeline")
OUR_PAGES = (*OURS_MADE, *(f"sample_{name}" for name in SAMPLES if "evidently" not in name))


def write_pages(folder: Path) -> None:
    """Write each page as NAME.html, the samples as sample_NAME.html, and the README's picture in pages."""
    for name, html in (_evaluations() | _monitorings() | _others() | _evidentlys()).items():
        (folder / f"{name}.html").write_text(html, encoding="utf-8")
    timeline = timeline_picture(read_history(_ledger(), invented_ledger.changes()))
    for name, svg in (("timeline", timeline), ("sample_timeline", OURS.picture.read_text(encoding="utf-8"))):
        (folder / f"{name}.html").write_text(f'<!doctype html><html lang="en"><title>{name}</title>{svg}</html>')
    for sample in OURS.samples.iterdir():
        shutil.copy(sample, folder / (f"sample_{sample.name}" if sample.suffix == ".html" else sample.name))


def _evaluations() -> dict[str, str]:
    report = evaluation.report()
    few = replace(report, test=replace(report.test, threshold=0.999))
    synthetic = replace(report, facts=replace(report.facts, provenance="synthetic"))
    return {
        "evaluation": evaluation_page(report),
        "evaluation_of_few": evaluation_page(few),
        "evaluation_synthetic": evaluation_page(synthetic),
        "calibration": calibration_page(report),
    }


def _ledger(count: int = 16) -> Ledger:
    return invented_ledger.ledger(count, shifts=SHIFTS)


def _monitorings() -> dict[str, str]:
    changes = invented_ledger.changes()
    return {
        "monitoring": monitoring_page(read_history(_ledger(), changes)),
        "monitoring_of_none": monitoring_page(read_history(Ledger(), ())),
        "monitoring_of_one": monitoring_page(read_history(_ledger(1), changes[:1])),
    }


def _others() -> dict[str, str]:
    check = file_check(small_reference())
    return {
        "exploration": exploration_page(exploration.explored(), "uci"),
        "drift_summary": drift_summary_page(drift.SUMMARY, drift.SUBJECT),
        "file_check": file_check_page(check, ("evidently.html", "classification.html")),
        "file_check_without_outcomes": file_check_page(replace(check, performance=None), ("evidently.html",)),
    }


def _evidentlys() -> dict[str, str]:
    batch, scores = evidently.rows(600, seed=2), Scores(evidently.SCORES, outcomes(600, seed=3)[1])
    reports = build_reports(
        evidently_validator(),
        evidently.rows(1500, seed=1),
        batch,
        evidently.SUBJECT,
        scores=scores,
        matured=Matured(evidently.labels(800), evidently.EARLIER),
    )
    return {name.removesuffix(".html"): html for name, html in reports.pages.items()}
