"""Builds the serving bundle of a trained model and proves that it scores like the model itself."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

from health_predict.columns import INPUTS, NAMES
from health_predict.explainer_file import write_linear, write_trees
from health_predict.explanation import Unit
from health_predict.features import Value
from health_predict.fitted_trees import read_trees
from health_predict.model import TrainedModel
from health_predict.onnx_export import export_onnx
from health_predict.preprocessor import export_encoder
from health_predict.records import generate_records
from health_predict.scorer import (
    BUNDLE_FILES,
    ENCODER,
    ESTIMATOR,
    EXPLAINER,
    FORMAT,
    GOLDEN,
    MANIFEST,
    TOLERANCE,
    BundleError,
    Scorer,
    load_scorer,
)

GOLDEN_RECORDS = 64
LARGEST_BUNDLE = 50_000_000  # bytes; it is baked into an image and read at every start of a server
_LIBRARIES = ("numpy", "pandas", "scikit-learn", "xgboost-cpu", "onnx", "onnxruntime")


@dataclass(frozen=True)
class Origin:
    """What a model was trained on and in which run; all of it ends in manifest.json.

    Attributes:
        data_sha256: fingerprint of the data.
        provenance: uci, file or synthetic.
        created_at: ISO 8601, UTC.
    """

    run_id: str
    data_sha256: str
    provenance: str
    rows: int
    created_at: str


def build_bundle(model: TrainedModel, origin: Origin, folder: Path, *, seed: int) -> Scorer:
    """Write the five files of the bundle into `folder` and load them back.

    The golden records are generated from the declaration, so that no patient's record leaves the training data.

    Raises:
        BundleError: larger than 50 MB, or the scorer does not replay the golden records to 1e-6.
    """
    encoder = export_encoder(model.preprocessor)
    records = generate_records(GOLDEN_RECORDS, seed)
    expected = model.probabilities(records_frame(records))
    folder.mkdir(parents=True, exist_ok=True)
    write_estimator(model.estimator, len(encoder["feature_order"]), folder)
    _write_json(folder / ENCODER, encoder)
    _write_json(folder / GOLDEN, {"records": records, "probabilities": expected.tolist()})
    _write_json(folder / MANIFEST, _manifest(model, origin, encoder["feature_order"]))
    size = sum((folder / name).stat().st_size for name in BUNDLE_FILES)
    if size > LARGEST_BUNDLE:
        raise BundleError(f"bundle of {size / 1e6:.0f} MB exceeds {LARGEST_BUNDLE / 1e6:.0f} MB; search smaller models")
    return load_scorer(folder)


def write_estimator(estimator: Any, columns: int, folder: Path) -> None:  # noqa: ANN401 - one of three families
    """Write a fitted classifier over `columns` columns twice: to score with, and to explain its scores with."""
    (folder / ESTIMATOR).write_bytes(export_onnx(estimator, columns).SerializeToString())
    if isinstance(estimator, LogisticRegression):
        write_linear(folder / EXPLAINER, estimator.coef_[0].astype(np.float64), float(estimator.intercept_[0]))
        return
    unit: Unit = "probability" if isinstance(estimator, RandomForestClassifier) else "log-odds"
    write_trees(folder / EXPLAINER, read_trees(estimator), unit)


def prove_parity(scorer: Scorer, model: TrainedModel, frame: pd.DataFrame) -> float:
    """Return the largest difference between scorer and model over n held-out encounters.

    Raises:
        BundleError: it exceeds 1e-6.
    """
    scored = scorer.probabilities(frame_records(frame))
    difference = float(np.max(np.abs(scored - model.probabilities(frame))))
    if not difference <= TOLERANCE:
        raise BundleError(f"the bundle differs from the model by {difference:.1e} on held-out encounters")
    return difference


def records_frame(records: Sequence[Mapping[str, Value]]) -> pd.DataFrame:
    """Lay raw records out as a frame, one column a declared input; absent is missing."""
    columns = {c.name: [record.get(c.name) for record in records] for c in INPUTS}
    return pd.DataFrame({name: pd.Series(values, dtype=object) for name, values in columns.items()})


def frame_records(frame: pd.DataFrame) -> list[dict[str, Value]]:
    """Turn n raw encounters into records of their input columns, with None for missing."""
    inputs = frame[[c.name for c in INPUTS if c.name in frame.columns]].astype(object)
    rows = inputs.where(inputs.notna(), None).to_numpy()
    return [dict(zip(inputs.columns, row, strict=True)) for row in rows]


def _manifest(model: TrainedModel, origin: Origin, feature_order: Sequence[str]) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "model": "HealthPredict",
        "family": model.configuration.family,
        "parameters": dict(model.configuration.parameters),
        "size": model.size,
        "target": model.target,
        "threshold": model.threshold,
        "calibration": asdict(model.calibration),
        "feature_order": list(feature_order),
        "columns": [name for name in NAMES if name in {c.name for c in INPUTS}],
        "versions": {library: version(library) for library in _LIBRARIES},
        **asdict(origin),
    }


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n")
