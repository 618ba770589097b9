"""Scores raw records from a bundle alone. No pandas, scikit-learn or pickle."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from health_predict.calibration import Calibration
from health_predict.encoder import RecordEncoder
from health_predict.errors import HealthPredictError
from health_predict.explainer_file import read_explainer
from health_predict.explanation import Explainer, Explanation, explain
from health_predict.features import Value
from health_predict.onnx_estimator import OnnxEstimator
from health_predict.table_encoder import encode_table

Floats = npt.NDArray[np.float64]

MANIFEST, ENCODER, GOLDEN = "manifest.json", "encoder.json", "golden.json"
ESTIMATOR, EXPLAINER = "model.onnx", "explainer.npz"
BUNDLE_FILES = (MANIFEST, ENCODER, ESTIMATOR, EXPLAINER, GOLDEN)
FORMAT = 2
TOLERANCE = 1e-6  # how far any path may be from the scikit-learn path


class BundleError(HealthPredictError):
    """A bundle that is incomplete, unreadable or does not replay its golden records."""


@dataclass(frozen=True)
class Scorer:
    """One model version, ready to score.

    Attributes:
        threshold: at or above it the prediction is 1.
    """

    manifest: Mapping[str, Any]
    encoder: RecordEncoder
    calibration: Calibration
    threshold: float
    estimator: OnnxEstimator
    explainer: Explainer

    def raw_scores(self, matrix: npt.NDArray[np.float32]) -> Floats:
        """Score an encoded (n, d) matrix; the (n,) result is not calibrated."""
        return self.estimator.score(matrix)

    def probabilities(self, records: Sequence[Mapping[str, Value]]) -> Floats:
        """Return the (n,) calibrated probabilities of n raw records."""
        return self.calibration.apply(self.raw_scores(self.encoder.encode_all(records)))

    def probabilities_of_table(self, table: Any) -> Floats:  # noqa: ANN401 - naming pyarrow's types would import it
        """Return the (n,) calibrated probabilities of n encounters laid out by column, for `encode_table`."""
        return self.calibration.apply(self.raw_scores_of_table(table))

    def raw_scores_of_table(self, table: Any) -> Floats:  # noqa: ANN401
        """Return the (n,) scores of n encounters laid out by column, not calibrated."""
        scores = [self.raw_scores(matrix) for matrix in encode_table(self.encoder, table)]
        return np.concatenate(scores) if scores else np.empty(0)

    def explain(self, record: Mapping[str, Value]) -> Explanation:
        """Say what each declared feature adds to the raw score of one record."""
        return explain(self.explainer, self.encoder.encode(record), self.encoder.layout.sources)


def load_scorer(folder: Path) -> Scorer:
    """Load a bundle and prove it on its golden records.

    Raises:
        BundleError: a file is missing or unreadable, or a golden record's probability or explanation is off by more
            than 1e-6.
    """
    for name in BUNDLE_FILES:
        if not (folder / name).is_file():
            raise BundleError(f"bundle {folder}: {name} is missing; train and register the model again")
    try:
        scorer = _open(folder)
        _replay(scorer, json.loads((folder / GOLDEN).read_text()), folder)
    except BundleError:
        raise
    except Exception as error:  # ONNX Runtime raises kinds of its own that share no other base
        raise BundleError(f"bundle {folder}: unreadable ({type(error).__name__}); train the model again") from error
    return scorer


def _open(folder: Path) -> Scorer:
    manifest = json.loads((folder / MANIFEST).read_text())
    if manifest["format"] != FORMAT:
        problem = f"is of format {manifest['format']} where {FORMAT} is read; train and register the model again"
        raise BundleError(f"bundle {folder}: {problem}")
    encoder = RecordEncoder(json.loads((folder / ENCODER).read_text()))
    return Scorer(
        manifest=manifest,
        encoder=encoder,
        calibration=Calibration(**manifest["calibration"]),
        threshold=float(manifest["threshold"]),
        estimator=OnnxEstimator(folder / ESTIMATOR),
        explainer=read_explainer(folder / EXPLAINER, len(encoder.feature_order)),
    )


def _replay(scorer: Scorer, golden: Mapping[str, Any], folder: Path) -> None:
    records, expected = golden["records"], np.array(golden["probabilities"], dtype=np.float64)
    if len(expected) == 0 or len(expected) != len(records):
        raise BundleError(f"bundle {folder}: {GOLDEN} holds no complete set of records; train the model again")
    raw = scorer.raw_scores(scorer.encoder.encode_all(records))
    explained = np.array([scorer.explain(record).score for record in records])
    for what, found, wanted in (("records", scorer.calibration.apply(raw), expected), ("explanations", explained, raw)):
        difference = float(np.max(np.abs(found - wanted)))
        if not difference <= TOLERANCE:
            raise BundleError(
                f"bundle {folder}: golden {what} are off by {difference:.1e} (allowed {TOLERANCE:.0e}); "
                "the library versions or the files do not match, train the model again"
            )
