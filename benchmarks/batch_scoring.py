"""Batch scoring from file to file: rows per CPU second, and memory above the idle process for 10^5 and 10^6 rows.

    python -m benchmarks.batch_scoring [--family logistic_regression xgboost random_forest] [--quick]

Goals for logistic regression and XGBoost: at least 30,000 rows per CPU second of the whole process; at most 200 MB
above the process that has loaded the model, and no more for ten times the rows. The encounters are those of the data
file, repeated. Every run is a process of its own, and the files are deleted at the end.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from adapters.data_source import locate, open_source
from benchmarks import command_line
from health_predict.bundle import Origin, build_bundle
from health_predict.calibration import Calibration
from health_predict.columns import PATIENT
from health_predict.engineer import engineer
from health_predict.families import SPACES, Configuration, Family, fit
from health_predict.model import TrainedModel
from health_predict.preprocessor import fit_preprocessor
from health_predict.scorer import load_scorer
from health_predict.splits import split
from health_predict.target import readmitted_binary
from stacks.environment import cache_folder
from steps.deployment.score_file import score_table

ROWS, QUICK_ROWS = (100_000, 1_000_000), (1_000,)
SIZES: dict[Family, int] = {"logistic_regression": 6, "random_forest": 250, "xgboost": 300}  # the most of profile quick


def main() -> None:
    """Train, write the files, and score each in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--family", nargs="+", default=["logistic_regression", "xgboost"], choices=list(SIZES))
    parser.add_argument("--inside", nargs=3, metavar=("BUNDLE", "INPUT", "OUTPUT"), help=argparse.SUPPRESS)
    arguments = command_line.parse(parser)
    if arguments.inside:
        print(json.dumps(_measured(*map(Path, arguments.inside))))
        return
    raw = open_source(locate(None, os.environ, cache_folder()).uri)
    print(f"data: {raw.provenance}; load average {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as folder:
        for family in arguments.family:
            _build(family, raw.frame, Path(folder) / family)
        for extension in (".csv", ".parquet"):
            for rows in QUICK_ROWS if arguments.quick else ROWS:
                source = Path(folder) / f"{rows}{extension}"
                _write(raw.frame, rows, source)
                for family in arguments.family:
                    print(f"{family}, {extension}, {rows:,} rows: {_line(Path(folder) / family, source, rows)}")
                source.unlink()


def _build(family: Family, encounters: pd.DataFrame, folder: Path) -> None:
    train = split(encounters, seed=42).train
    y = readmitted_binary(train, "any")
    preprocessor, X = fit_preprocessor(engineer(train), y, train[PATIENT], seed=0)
    configuration = Configuration(family, family, dict(SPACES[family].default), seed=0)
    estimator = fit(configuration, SIZES[family], X, y, threads=os.cpu_count() or 1)
    model = TrainedModel(configuration, SIZES[family], "any", preprocessor, estimator, Calibration(1.0, 0.0), 0.5)
    build_bundle(model, Origin("none", "none", "file", len(train), "none"), folder, seed=0)


def _write(encounters: pd.DataFrame, rows: int, path: Path) -> None:
    """Write the encounters again and again, a hundred thousand at most at once."""
    pieces = [min(len(encounters), rows - start) for start in range(0, rows, len(encounters))]
    if path.suffix == ".csv":
        for place, count in enumerate(pieces):
            encounters[:count].to_csv(path, mode="a", header=not place, index=False, na_rep="?")
        return
    table = pa.Table.from_pandas(encounters, preserve_index=False)
    with pq.ParquetWriter(path, table.schema) as writer:
        for count in pieces:
            writer.write_table(table[:count])


def _line(bundle: Path, source: Path, rows: int) -> str:
    output = source.with_name(f"scores{source.suffix}")
    command = [sys.executable, "-m", "benchmarks.batch_scoring", "--inside", str(bundle), str(source), str(output)]
    told = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
    if told["scored"] != rows:
        raise RuntimeError(f"{told['scored']} of {rows} rows were scored")
    return (
        f"{rows / told['cpu']:,.0f} rows per CPU-s ({told['cpu']:.2f} CPU-s, {told['wall']:.2f} s wall), "
        f"{told['memory']:.0f} MB above {told['idle']:.0f} MB idle"
    )


def _measured(bundle: Path, source: Path, output: Path) -> dict[str, float]:
    """The process has imported everything and loaded the model when the measurement starts."""
    scorer = load_scorer(bundle)
    idle = _memory("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    cpu, wall = time.process_time(), time.monotonic()
    scoring = score_table(scorer, "1", str(source), str(output), lambda *_: None)
    cpu, wall = time.process_time() - cpu, time.monotonic() - wall
    return {"scored": scoring["scored"], "cpu": cpu, "wall": wall, "idle": idle, "memory": _memory("VmHWM") - idle}


def _memory(what: str) -> float:
    """MB, from the kernel's account of this process."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{what}:")) / 1e3


if __name__ == "__main__":
    command_line.run(main)
