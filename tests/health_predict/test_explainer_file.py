from pathlib import Path

import numpy as np
import pytest

from health_predict.explainer_file import read_explainer, write_linear, write_trees
from health_predict.explanation import LinearExplainer, TreeExplainer
from health_predict.trees import Trees
from tests.imports import modules_loaded_by

TREES = Trees(
    splits=np.array([2, 1]),
    feature=np.array([0, 1, 2]),
    threshold=np.array([0.5, 1.5, -1.0], np.float32),
    ends=np.array([[False, True], [True, True], [True, True]]),
    expected=np.array([0.4, 0.2, 0.05]),
    leaf=np.array([0.7, 0.1, 0.3, -1.0, 1.0]),
    base=0.25,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "explainer.npz"


def test_trees_survive_the_file(path: Path) -> None:
    write_trees(path, TREES, "probability")
    read = read_explainer(path, 3)
    assert read.unit == "probability"
    assert read.base == pytest.approx(TreeExplainer(TREES, "probability").base, abs=1e-7)
    for vector in np.random.default_rng(0).uniform(-2, 2, (50, 3)).astype(np.float32):
        expected = TreeExplainer(TREES, "probability").contributions(vector)
        np.testing.assert_allclose(read.contributions(vector), expected, atol=1e-7)


def test_coefficients_survive_the_file_to_the_bit(path: Path) -> None:
    write_linear(path, np.array([0.1, -1 / 3]), 0.7)
    read = read_explainer(path, 2)
    assert isinstance(read, LinearExplainer)
    assert (read.coefficients.tolist(), read.base) == ([0.1, -1 / 3], 0.7)


def test_an_explainer_of_another_width_is_refused(path: Path) -> None:
    write_linear(path, np.zeros(3), 0.0)
    with pytest.raises(ValueError, match="not 126 coefficients"):
        read_explainer(path, 126)
    write_trees(path, TREES, "log-odds")
    with pytest.raises(ValueError, match="beyond the 2"):
        read_explainer(path, 2)


@pytest.mark.parametrize("name", ["feature", "base", "coefficients"])
def test_no_pickle_is_loaded(path: Path, name: str) -> None:
    arrays = {"base": np.array(0.0), "coefficients": np.zeros(3), "feature": np.zeros(1)}
    np.savez(path, **(arrays | {name: np.array([{"an": "object"}], dtype=object)}), allow_pickle=True)
    with pytest.raises(ValueError, match="allow_pickle=False"):
        read_explainer(path, 3)


def test_a_file_that_is_an_array_or_text_is_refused(path: Path) -> None:
    for content in (b"", b"PK", b"\x80\x04N.", b"\x93NUMPY\x01\x00"):
        path.write_bytes(content)
        with pytest.raises(Exception, match="not a zip file"):
            read_explainer(path, 3)


def test_reading_needs_neither_scikit_learn_nor_onnx() -> None:
    assert not {"sklearn", "xgboost", "onnx", "pandas"} & modules_loaded_by("health_predict.explainer_file")
