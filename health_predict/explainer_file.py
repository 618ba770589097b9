"""explainer.npz: what explanations need of an estimator, as plain arrays. ONNX cannot be read back without its library.

Numbers of float32 are enough: contributions telescope to the leaves, whose roundings add up to 1e-8.
"""

import zipfile
from pathlib import Path

import numpy as np
import numpy.typing as npt

from health_predict.explanation import Explainer, LinearExplainer, TreeExplainer, Unit
from health_predict.trees import Trees

_UNITS: tuple[Unit, ...] = ("log-odds", "probability")  # stored as a place in this list


def write_linear(path: Path, coefficients: npt.NDArray[np.float64], intercept: float) -> None:
    """Write the (d,) coefficients of a linear model."""
    np.savez_compressed(path, coefficients=coefficients, base=intercept)


def write_trees(path: Path, trees: Trees, unit: Unit) -> None:
    """Write trees whose sum is in `unit`."""
    np.savez_compressed(
        path,
        unit=_UNITS.index(unit),
        splits=trees.splits.astype(np.uint32),
        feature=trees.feature.astype(np.uint16),
        threshold=trees.threshold,
        ends=np.packbits(trees.ends),
        expected=trees.expected.astype(np.float32),
        leaf=trees.leaf.astype(np.float32),
        base=trees.base,
    )


def read_explainer(path: Path, columns: int) -> Explainer:
    """Read what explains a model over `columns` columns of a matrix; no pickle is loaded.

    Raises:
        ValueError, KeyError, IndexError, OSError, EOFError, zipfile.BadZipFile: the file is damaged, or of a model
            over fewer or more columns.
    """
    with zipfile.ZipFile(path) as archive:  # numpy alone would take any array or pickle for a file of that name
        names = [Path(name).stem for name in archive.namelist()]
    with np.load(path, allow_pickle=False) as stored:
        arrays = {name: stored[name] for name in names}
    base = float(arrays["base"])
    if "coefficients" not in arrays:
        return TreeExplainer(_trees(arrays, base, columns), _UNITS[int(arrays["unit"])])
    if arrays["coefficients"].shape != (columns,):
        raise ValueError(f"not {columns} coefficients")
    return LinearExplainer(arrays["coefficients"], base)


def _trees(arrays: dict[str, npt.NDArray[np.generic]], base: float, columns: int) -> Trees:
    feature, packed = arrays["feature"], arrays["ends"].astype(np.uint8)
    if feature.max() >= columns:
        raise ValueError(f"a split on a column beyond the {columns}")
    ends = np.unpackbits(packed, count=2 * len(feature)).astype(bool).reshape(-1, 2)
    splits, threshold = arrays["splits"].astype(np.int64), arrays["threshold"].astype(np.float32)
    expected, leaf = arrays["expected"].astype(np.float32), arrays["leaf"].astype(np.float32)
    return Trees(splits, feature.astype(np.uint16), threshold, ends, expected, leaf, base)
