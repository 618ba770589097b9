"""Runs model.onnx, the estimator alone, as `onnx_export` writes it: an encoded matrix to raw, uncalibrated scores."""

import os
from pathlib import Path

import numpy as np
import numpy.typing as npt

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # from 1.29 on it reports model and machine to its maker, unless told not to

import onnxruntime

Floats = npt.NDArray[np.float64]


class OnnxEstimator:
    """One estimator, on one thread: a record is too small to share. Threads may call it side by side."""

    def __init__(self, model: Path) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._run = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"]).run

    def score(self, matrix: npt.NDArray[np.float32]) -> Floats:
        """Score an encoded (n, d) float32 matrix; the (n,) scores are in 0..1."""
        scores: Floats = self._run(["score"], {"X": matrix})[0][:, 0]
        return scores
