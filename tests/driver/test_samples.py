from pathlib import Path

import pytest

from driver import samples
from health_predict.errors import InputError
from health_predict.monitoring.ledger import Entry


def test_links_into_the_artifact_store_are_taken_out_but_for_the_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEALTH_PREDICT_STATE", "/somewhere/state")
    page = (
        '<a href="/somewhere/state/artifacts/drift_reports/b1/evidently.html">evidently.html</a>, '
        '<a href="/somewhere/state/artifacts/drift_reports/b2/evidently.html">evidently.html</a>, '
        '<a href="#batch-1">1</a>'
    )
    kept = samples._without_local_links(page, Entry("b1", {}))
    assert kept == '<a href="drift_evidently.html">evidently.html</a>, evidently.html, <a href="#batch-1">1</a>'


def test_a_sample_that_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(samples, "SAMPLES", tmp_path)
    with pytest.raises(InputError, match=r"larger than 1\.5 MB"):
        samples.write("large.html", "x" * (samples.LARGEST + 1))
    assert list(tmp_path.iterdir()) == []
    samples.write("small.html", "x")
    assert (tmp_path / "small.html").read_text() == "x"


def test_synthetic_data_make_no_samples() -> None:
    samples._require_real("uci")
    with pytest.raises(InputError, match="HEALTH_PREDICT_DATA"):
        samples._require_real("synthetic")
