"""What the model server costs: CPU per request, time to ready, memory; each with its goal.

    python -m benchmarks.serving [--requests 1000] [--quick]

One client sends one record after another on a connection that stays open. The real server, the same server with a
predict_raw that reads nothing, and the pandas path on the same record are measured in turn, in one run: the goals are a
difference and a ratio, since times alone say little on a machine that does other work.
"""

import argparse
import http.client
import json
import os
import socket
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil

from adapters.data_source import locate, open_source
from benchmarks import command_line
from health_predict.bundle import Origin, build_bundle, frame_records, records_frame
from health_predict.calibration import Calibration
from health_predict.columns import PATIENT
from health_predict.engineer import engineer
from health_predict.families import FAMILIES, SPACES, Configuration, Family, fit
from health_predict.features import Value
from health_predict.model import TrainedModel
from health_predict.preprocessor import fit_preprocessor
from health_predict.release import Release, write_release
from health_predict.splits import Splits, split
from health_predict.target import readmitted_binary
from stacks.environment import cache_folder

ROOT = Path(__file__).resolve().parents[1]
PYTHON = ROOT / ".venv-serving" / "bin" / "python"
SIZES: Mapping[Family, int] = {"logistic_regression": 6, "random_forest": 150, "xgboost": 200}
ROUNDS, PANDAS_RECORDS, STARTS, WARM_UP, QUICK_REQUESTS = 5, 25, 3, 300, 20

Record = dict[str, Value]


def main() -> None:
    """Measure every family, the start and the memory."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=1000, help="of each server in each of five rounds")
    arguments = command_line.parse(parser)
    requests = QUICK_REQUESTS if arguments.quick else arguments.requests
    raw = open_source(locate(None, os.environ, cache_folder()).uri)
    splits = split(raw.frame, seed=42)
    records = frame_records(splits.test.head(200))
    print(f"data: {raw.provenance}; load average {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores")
    with tempfile.TemporaryDirectory() as folder:
        for family in FAMILIES:
            model = _train(family, splits)
            release = _release(model, Path(folder) / family)
            _report_requests(family, model, release, records, requests)
        _report_start(release)


def _train(family: Family, splits: Splits) -> TrainedModel:
    train = splits.train
    y = readmitted_binary(train, "any")
    preprocessor, X = fit_preprocessor(engineer(train), y, train[PATIENT], seed=0)
    configuration = Configuration("default", family, SPACES[family].default, seed=0)
    estimator = fit(configuration, SIZES[family], X, y)
    return TrainedModel(configuration, SIZES[family], "any", preprocessor, estimator, Calibration(), 0.5)


def _release(model: TrainedModel, folder: Path) -> Path:
    build_bundle(model, Origin("run", "sha", "file", 1, "2026-01-01T00:00:00+00:00"), folder, seed=0)
    write_release(folder, Release("HealthPredict", "1", "run"))
    return folder


def _report_requests(
    family: Family, model: TrainedModel, release: Path, records: Sequence[Record], requests: int
) -> None:
    bodies = [json.dumps({"jsonData": record}).encode() for record in records]
    asked = [json.dumps({"jsonData": r, "meta": {"tags": {"explain": True}}}).encode() for r in records]
    with server("serving", release) as real, server("benchmarks.constant_server", release) as constant:
        for started in (real, constant):
            started.cpu_ms(bodies, WARM_UP)
        rounds = [(real.cpu_ms(bodies, requests), constant.cpu_ms(bodies, requests)) for _ in range(ROUNDS)]
        explained = real.cpu_ms(asked, requests // 5)
        memory = real.memory_mb()
    served = statistics.median(ms for ms, _ in rounds)
    more = statistics.median(ms - floor for ms, floor in rounds)
    pandas = _pandas_ms(model, records)
    print(
        f"{family}, {model.size} {SPACES[family].unit}: server {served:.2f} ms CPU per request, "
        f"{more:.2f} ms above a constant predict_raw (goal <= 0.60)\n"
        f"  pandas + ColumnTransformer + model {pandas:.1f} ms CPU per record: {pandas / served:.0f} times the server "
        f"(goal >= 100), {pandas / max(more, 1e-3):.0f} times what the server adds to the constant one\n"
        f"  with explanation {explained:.2f} ms CPU per request (goal: 10 more); memory {memory:.0f} MB (goal <= 200)"
    )


def _pandas_ms(model: TrainedModel, records: Sequence[Record]) -> float:
    """CPU of the path that training takes, one record at a time, this process alone."""
    if hasattr(model.estimator, "n_jobs"):
        model.estimator.set_params(n_jobs=1)
    model.probabilities(records_frame(records[:1]))
    spent = []
    for record in records[:PANDAS_RECORDS]:
        started = time.process_time()
        model.probabilities(records_frame([record]))
        spent.append(time.process_time() - started)
    return statistics.median(spent) * 1e3


def _report_start(release: Path) -> None:
    seconds = []
    for _ in range(STARTS):
        started = time.monotonic()
        with server("serving", release):
            seconds.append(time.monotonic() - started)
    load = os.getloadavg()[0]
    print(f"ready after {statistics.median(seconds):.1f} s (goal <= 6 at a load below 1; load average {load:.1f})")


class RunningServer:
    """A server of this benchmark, with one open connection to it."""

    def __init__(self, pid: int, port: int) -> None:
        self._root = psutil.Process(pid)
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)

    def cpu_ms(self, bodies: Sequence[bytes], requests: int) -> float:
        """Send `requests` requests and return the CPU milliseconds of the whole process tree per request."""
        before = self._cpu_seconds()
        for i in range(requests):
            self._post(bodies[i % len(bodies)])
        return (self._cpu_seconds() - before) / requests * 1e3

    def memory_mb(self) -> float:
        """Proportional set size of the process tree."""
        return sum(process.memory_full_info().pss for process in self._tree()) / 1e6

    def _post(self, body: bytes) -> None:
        self._connection.request("POST", "/api/v1.0/predictions", body, {"Content-Type": "application/json"})
        response = self._connection.getresponse()
        response.read()
        if response.status != 200:
            raise RuntimeError(f"the server answered {response.status}")

    def _cpu_seconds(self) -> float:
        return sum(times.user + times.system for times in (process.cpu_times() for process in self._tree()))

    def _tree(self) -> list[psutil.Process]:
        return [self._root, *self._root.children(recursive=True)]


@contextmanager
def server(module: str, release: Path) -> Iterator[RunningServer]:
    """Run a server over a release until the block ends; it is ready when the block begins."""
    port = _free_port()
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "HEALTH_PREDICT_BUNDLE": str(release),
        "PREDICTIVE_UNIT_HTTP_SERVICE_PORT": str(port),
    }
    process = subprocess.Popen([PYTHON, "-m", module], env=environment, stderr=subprocess.DEVNULL)
    try:
        _wait_until_ready(process, port)
        yield RunningServer(process.pid, port)
    finally:
        process.terminate()
        process.wait(30)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_ready(process: "subprocess.Popen[bytes]", port: int) -> None:
    until = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < until:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/health")
            if connection.getresponse().status == 200:
                return
        except OSError:
            pass
        finally:
            connection.close()
        time.sleep(0.02)
    raise RuntimeError("the server is not ready")


if __name__ == "__main__":
    command_line.run(main)
