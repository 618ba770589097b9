import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_nothing_is_kept_about_the_machine_and_nothing_is_reported(tmp_path: Path) -> None:
    """ONNX Runtime would leave an identity of the machine in the home folder, and reports that wait to be sent."""
    environment = {name: value for name, value in os.environ.items() if name not in ("ORT_DISABLE_TELEMETRY", "CI")}
    code = "import health_predict.onnx_estimator as o; o.onnxruntime.SessionOptions(); o.onnxruntime.get_device()"
    subprocess.run([sys.executable, "-c", code], env=environment | {"HOME": str(tmp_path)}, cwd=ROOT, check=True)
    assert list(tmp_path.rglob("*")) == []
