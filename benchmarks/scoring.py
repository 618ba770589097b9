"""The scorer on the real file, for each family: one record, a table, explanations, loading.

    python -m benchmarks.scoring [--rows 20000] [--quick]

Goals: one record from dictionary to probability within 50 us, a table at 60,000 rows per CPU-second (logistic
regression and XGBoost), an explanation within 10 ms. Each bundle is proven on all test encounters first.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd
import pyarrow as pa

from adapters.data_source import locate, open_source
from benchmarks import command_line
from health_predict.bundle import Origin, build_bundle, frame_records, prove_parity
from health_predict.calibration import Calibration
from health_predict.columns import PATIENT
from health_predict.engineer import engineer
from health_predict.families import FAMILIES, SPACES, Configuration, Family, fit
from health_predict.features import Value
from health_predict.model import TrainedModel
from health_predict.preprocessor import fit_preprocessor
from health_predict.scorer import BUNDLE_FILES, Scorer, load_scorer
from health_predict.splits import Splits, split
from health_predict.target import readmitted_binary
from stacks import environment

SIZES: dict[Family, int] = {"logistic_regression": 4, "random_forest": 300, "xgboost": 300}
MOST_RECORDS, QUICK_ROWS = 3000, 200  # timed one by one

Records = Sequence[dict[str, Value]]


def main() -> None:
    """Train, prove and measure one family after the other."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=20_000)
    arguments = command_line.parse(parser)
    environment.prepare()
    source = open_source(locate(None, os.environ, environment.cache_folder()).uri)
    splits = split(source.frame, seed=42)
    records = frame_records(splits.future.head(QUICK_ROWS if arguments.quick else arguments.rows))
    table = pa.table({name: [record[name] for record in records] for name in records[0]})
    print(f"{len(records):,} encounters ({source.provenance}), load average {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as folder:
        for model in _models(splits):
            print(_measure(model, Path(folder) / model.configuration.family, splits.test, records, table))


def _models(splits: Splits) -> list[TrainedModel]:
    y = readmitted_binary(splits.train, "any")
    preprocessor, X = fit_preprocessor(engineer(splits.train), y, splits.train[PATIENT], seed=0)
    defaults = [Configuration(family, family, SPACES[family].default, seed=1) for family in FAMILIES]
    return [
        TrainedModel(c, SIZES[c.family], "any", preprocessor, fit(c, SIZES[c.family], X, y), Calibration(1.1, 0.0), 0.5)
        for c in defaults
    ]


def _measure(model: TrainedModel, folder: Path, test: pd.DataFrame, records: Records, table: pa.Table) -> str:
    built = build_bundle(model, Origin("benchmark", "", "uci", len(test), ""), folder, seed=0)
    difference = prove_parity(built, model, test)
    started = time.perf_counter()
    scorer = load_scorer(folder)
    load = time.perf_counter() - started
    size = sum((folder / name).stat().st_size for name in BUNDLE_FILES)
    one, one_p95 = _seconds(lambda record: scorer.probabilities([record]), records)
    explained, explained_p95 = _seconds(scorer.explain, records)
    return (
        f"{model.configuration.family}: one record {one * 1e6:.0f} us (p95 {one_p95 * 1e6:.0f}), "
        f"table {_rows_per_cpu_second(scorer, table):,.0f} rows per CPU-second, "
        f"explanation {explained * 1e3:.2f} ms (p95 {explained_p95 * 1e3:.2f}), "
        f"load and proof {load * 1e3:.0f} ms, {size / 1e6:.1f} MB, off by {difference:.0e} at most"
    )


def _seconds(call: Callable[[dict[str, Value]], object], records: Records) -> tuple[float, float]:
    """Median and 95th percentile over records that are called one by one, their values seen before."""
    times = []
    for record in records[:MOST_RECORDS]:
        started = time.perf_counter()
        call(record)
        times.append(time.perf_counter() - started)
    return statistics.median(times), statistics.quantiles(times, n=20)[-1]


def _rows_per_cpu_second(scorer: Scorer, table: pa.Table) -> float:
    started = time.process_time()
    scorer.probabilities_of_table(table)
    return table.num_rows / (time.process_time() - started)


if __name__ == "__main__":
    command_line.run(main)
