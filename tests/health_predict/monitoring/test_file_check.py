"""What is told of a checked file, to the user and to an experiment tracker, and the name it is known by."""

from dataclasses import replace

import numpy as np
import pytest

from health_predict.errors import InputError
from health_predict.monitoring.decision import Rule
from health_predict.monitoring.file_check import CHAMPIONS_OWN, FileCheck, FileRequest, check_id, file_run_record
from health_predict.monitoring.reference import Reference
from health_predict.pages.file_check import file_check_page
from tests.health_predict.monitoring.invented_check import file_check

REQUEST = FileRequest("a.csv", None, "3", "/reports", None)


@pytest.fixture(scope="module")
def check(reference: Reference) -> FileCheck:
    return file_check(reference)


def test_a_request_survives_the_pipeline_and_an_unknown_field_does_not() -> None:
    assert FileRequest.from_dict(REQUEST.as_dict()) == REQUEST
    with pytest.raises(InputError, match="field colour is missing or unknown"):
        FileRequest.from_dict({**REQUEST.as_dict(), "colour": "red"})


def test_the_name_hangs_on_content_version_reference_and_rule() -> None:
    asked = {"rows": "a", "version": "3", "reference": None, "rule": Rule(), "minimum": 250}
    others = ({"rows": "b"}, {"version": "4"}, {"reference": "r"}, {"rule": Rule("evidently")}, {"minimum": 100})
    names = [check_id(**asked), *(check_id(**{**asked, **other}) for other in others)]
    assert check_id(**asked) == names[0]
    assert len(set(names)) == len(names)
    assert all(len(name) == 16 for name in names)


def test_the_user_is_told_outcomes_as_far_as_they_are_known(check: FileCheck) -> None:
    found = check.performance
    assert check.told()["outcomes"] == (
        f"AUROC {found.auroc}, expected AUROC 0.700; {found.observed:.1%} readmitted, {found.predicted:.1%} predicted "
        f"({found.calibration_z:+.1f} sd)"
    )
    assert replace(check, performance=None).told()["outcomes"] == "expected AUROC 0.700, outcomes not known"
    one = replace(found, auroc=replace(found.auroc, value=np.nan))
    assert "no AUROC, one outcome only" in replace(check, performance=one).told()["outcomes"]


def test_its_run_is_like_that_of_a_batch(check: FileCheck) -> None:
    record = file_run_record(check, {"summary.html": "/r/c1/summary.html"}, false_alarm_rate=0.01)
    assert record.params["reference"] == CHAMPIONS_OWN
    assert (record.params["batch"], record.params["model_version"], record.params["rows"]) == ("c1", "3", "500")
    assert record.metrics["data_drift_detected"] == 1
    assert record.metrics["realised_auroc"] == pytest.approx(check.performance.auroc.value)
    assert record.tags["report.summary.html"] == "/r/c1/summary.html"
    assert record.tags["columns"] == "payer_code"
    without = file_run_record(replace(check, performance=None), {}, false_alarm_rate=0.01)
    assert not {"realised_auroc", "observed_rate"} & without.metrics.keys()
    assert without.params["labelled_batch"] == "none"


def test_the_page_has_its_parts_and_needs_no_script(check: FileCheck) -> None:
    page = file_check_page(check, ("evidently.html",))
    for words in ("DRIFT DETECTED: columns (payer_code)", CHAMPIONS_OWN, "Without any value: payer_code."):
        assert words in page
    assert '<a href="evidently.html">evidently.html</a>' in page
    assert "AUROC, realised" in page
    assert page.count('<tr class="strong">') == len(check.verdict.raised) + len(check.verdict.columns)
    assert "<script" not in page
    assert "AUROC, realised" not in file_check_page(replace(check, performance=None), ())


def test_a_hostile_name_stays_text(check: FileCheck) -> None:
    hostile = "<script>alert(1)</script>"
    page = file_check_page(replace(check, notes=(hostile,), compared_with=hostile), (hostile,))
    assert "<script" not in page
