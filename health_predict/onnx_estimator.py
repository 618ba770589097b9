"""Runs model.onnx, the estimator alone: an encoded matrix to raw, uncalibrated scores."""

import numpy as np
import numpy.typing as npt
import onnxruntime

Floats = npt.NDArray[np.float64]


class OnnxEstimator:
    """One estimator, on one thread: a record is too small to share. Threads may call it side by side.

    Attributes:
        columns: d, the width of the matrix.
    """

    def __init__(self, model: bytes) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        entry = session.get_inputs()[0]
        self.columns = int(entry.shape[1])
        self._name, self._outputs = entry.name, [session.get_outputs()[-1].name]
        self._kind = np.float32 if entry.type == "tensor(float)" else np.float64
        self._run = session.run

    def score(self, matrix: npt.NDArray[np.float32]) -> Floats:
        """Score an encoded (n, d) float32 matrix; the (n,) scores are in 0..1."""
        output = self._run(self._outputs, {self._name: matrix.astype(self._kind, copy=False)})[0]
        return np.asarray(output.reshape(len(matrix), -1)[:, -1], dtype=np.float64)
