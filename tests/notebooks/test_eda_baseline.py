import json
import re
from pathlib import Path

import jupytext
import pytest

from health_predict.columns import BY_NAME
from health_predict.synthetic import sample_encounters
from notebooks.execute import NOTEBOOK, SCRIPT, executed


@pytest.fixture(scope="module")
def outputs() -> list[str]:
    """What a reader of the committed notebook sees as text; pictures are drawn from the same aggregates."""
    cells = json.loads(NOTEBOOK.read_text())["cells"]
    shown = [output for cell in cells if cell["cell_type"] == "code" for output in cell["outputs"]]
    kinds = ("text/markdown", "text/plain", "text/html")
    texts = ["".join(output["data"][kind]) for output in shown for kind in kinds if kind in output.get("data", {})]
    assert len(texts) > 10, "the notebook has lost its outputs: make notebook"
    return texts


def test_script_and_notebook_are_one_pair() -> None:
    script, notebook = jupytext.read(SCRIPT), jupytext.read(NOTEBOOK)
    assert [(cell.cell_type, cell.source) for cell in script.cells] == [
        (cell.cell_type, cell.source) for cell in notebook.cells
    ], "run: make notebook"


def test_every_cell_was_executed_in_order_and_drew_pictures() -> None:
    cells = [cell for cell in json.loads(NOTEBOOK.read_text())["cells"] if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    pictures = [o for cell in cells for o in cell["outputs"] if "image/png" in o.get("data", {})]
    assert len(pictures) >= 5


def test_it_shows_real_data(outputs: list[str]) -> None:
    assert any("the published UCI file, 101,766 encounters" in text for text in outputs)


def test_no_output_holds_an_identifier(outputs: list[str]) -> None:
    found = [text for text in outputs if re.search(r"(?<![\w.])\d{5,}(?![\w.])", text)]
    assert not found, "whole numbers of five and more digits are written with commas, so these may be identifiers"


def test_no_output_is_a_table_of_rows(outputs: list[str]) -> None:
    """A head() shows raw columns side by side; an aggregate has at most a column or two of the file's names."""
    for text in outputs:
        header = re.split(r"[|\s<>]+", text.splitlines()[0] if "|" in text else text[:2000])
        assert len(set(header) & set(BY_NAME)) <= 2, header


def test_the_scan_finds_a_head() -> None:
    head = sample_encounters(30, seed=0).head()
    with pytest.raises(AssertionError):
        test_no_output_is_a_table_of_rows([head.to_html()])
    with pytest.raises(AssertionError):
        test_no_output_holds_an_identifier([head.to_string()])


@pytest.mark.docs
def test_it_runs_from_a_clean_kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a synthetic file of a fifth of the size, whatever the machine has."""
    data = tmp_path / "sample.csv"
    sample_encounters(20_000, seed=1).to_csv(data, index=False, na_rep="?")
    monkeypatch.setenv("HEALTH_PREDICT_DATA", str(data))
    notebook = executed()
    texts = ["".join(o.get("data", {}).get("text/markdown", "")) for c in notebook.cells for o in c.get("outputs", [])]
    assert any("a file of the user's own, 20,000 encounters" in text for text in texts)
