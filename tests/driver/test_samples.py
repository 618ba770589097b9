from pathlib import Path

import pytest
from click.testing import CliRunner

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


def test_a_sample_that_is_too_large_is_refused(tmp_path: Path) -> None:
    documents = samples.Documents(tmp_path)
    with pytest.raises(InputError, match=r"larger than 1\.5 MB"):
        documents.write("large.html", "x" * (samples.LARGEST + 1))
    assert list(tmp_path.iterdir()) == []
    documents.write("small.html", "x")
    assert (documents.samples / "small.html").read_text() == "x"


def test_quick_samples_do_not_replace_the_documents() -> None:
    refused = CliRunner().invoke(samples.main, ["--quick"])
    assert refused.exit_code == InputError.exit_code
    assert "--output" in refused.stderr


def test_synthetic_data_make_no_samples() -> None:
    samples._require_real("uci")
    with pytest.raises(InputError, match="HEALTH_PREDICT_DATA"):
        samples._require_real("synthetic")
