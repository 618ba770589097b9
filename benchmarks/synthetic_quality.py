"""How close the synthetic sample is to the real file, and what a model trained on it is worth on real encounters.

    python -m benchmarks.synthetic_quality [--data dataset_diabetes.zip] [--quick]

"Unseen patients" is the honest row: the profile is counted on a random half of the patients, and the model of its
sample is judged on the other half. The committed profile is counted on the whole file, so it knows the rows it meets.
"""

import argparse
import dataclasses
import os
import time
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score
from xgboost import XGBClassifier

from benchmarks import command_line
from health_predict.columns import AGES, COLUMNS, PATIENT
from health_predict.engineer import engineer
from health_predict.preprocessor import build_preprocessor, to_float32, transform
from health_predict.profile import build_profile
from health_predict.reading import read_raw
from health_predict.splits import arrival_order, at_risk, split
from health_predict.synthesis.margins import COMMITTED, load_profile
from health_predict.synthetic import sample_encounters, sample_from
from health_predict.target import Target, readmitted_binary

TRAINING_ROWS, QUICK_ROWS = 50_000, 5_000
TARGETS: tuple[Target, Target] = ("any", "within_30_days")


def auroc(training: pd.DataFrame, judged: pd.DataFrame, target: Target, *, rounds: int = 200) -> float:
    """Fit XGBoost on one frame with the project's features, and return its AUROC on another."""
    training, judged = at_risk(training), at_risk(judged)
    y = readmitted_binary(training, target)
    preprocessor = build_preprocessor(seed=0)
    X = to_float32(preprocessor.fit_transform(engineer(training), y))
    model = XGBClassifier(
        n_estimators=rounds,
        max_depth=5,
        learning_rate=0.07,
        min_child_weight=20,
        colsample_bytree=0.3,
        subsample=0.8,
        n_jobs=1,
        random_state=0,
    ).fit(X, y)
    scores = model.predict_proba(transform(preprocessor, engineer(judged)))[:, 1]
    return float(roc_auc_score(readmitted_binary(judged, target), scores))


def history(frame: pd.DataFrame) -> dict[str, float]:
    """Describe how a file's patients come back."""
    ordered = arrival_order(frame)
    first, last = ~ordered.duplicated(PATIENT), ~ordered.duplicated(PATIENT, keep="last")
    readmitted = readmitted_binary(ordered, "any")
    sizes = ordered[PATIENT].value_counts()
    age = ordered["age"].map({bracket: position for position, bracket in enumerate(AGES)})
    steps = (age.groupby(ordered[PATIENT]).shift(-1) - age)[~last]
    fixed = ordered.groupby(PATIENT)[["race", "gender"]].nunique().le(1).all(axis=1)
    return {
        "encounters per patient": len(ordered) / len(sizes),
        **{f"patients with {size} encounters": float((sizes == size).mean()) for size in (1, 2, 3, 4)},
        "patients with 5 and more": float((sizes >= 5).mean()),
        "patients with 10 and more": float((sizes >= 10).mean()),
        "any rate, not the last encounter": float(readmitted[~last].mean()),
        "any rate, last of several": float(readmitted[last & ~first].mean()),
        "any rate, the only encounter": float(readmitted[last & first].mean()),
        "age: same bracket at the next encounter": float((steps == 0).mean()),
        "age: one bracket up": float((steps == 1).mean()),
        "age: down": float((steps < 0).mean()),
        "patients with one race and gender": float(fixed.mean()),
    }


def drift(frame: pd.DataFrame, parts: int = 5) -> pd.DataFrame:
    """Describe equal parts of a file in arrival order, one column a part."""
    ordered = arrival_order(frame)
    facts = pd.DataFrame(
        {
            "any rate": readmitted_binary(ordered, "any"),
            "<30 rate": readmitted_binary(ordered, "within_30_days"),
            "payer_code missing": ordered["payer_code"].isna(),
            "medical_specialty missing": ordered["medical_specialty"].isna(),
            "A1C measured": ordered["A1Cresult"] != "None",
            "any insulin": ordered["insulin"] != "No",
            "number_diagnoses mean": ordered["number_diagnoses"],
            "number_inpatient mean": ordered["number_inpatient"],
            "seen before": ordered.duplicated(PATIENT),
            "African American": ordered["race"] == "AfricanAmerican",
            "disposition 18": ordered["discharge_disposition_id"] == 18,
        }
    ).astype(float)
    return facts.groupby(np.arange(len(ordered)) * parts // len(ordered)).mean().T


def marginal_errors(real: pd.DataFrame, drawn: pd.DataFrame) -> pd.Series:
    """Return each column's largest difference between the shares of one value, largest first."""
    names = [column.name for column in COLUMNS if column.kind != "identifier"]
    return pd.Series({name: _share_error(real[name], drawn[name]) for name in names}).sort_values(ascending=False)


def _share_error(real: pd.Series, drawn: pd.Series) -> float:
    shares = [values.value_counts(normalize=True, dropna=False) for values in (real, drawn)]
    return float(shares[0].subtract(shares[1], fill_value=0.0).abs().max())


def _half(frame: pd.DataFrame, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    patients = np.sort(frame[PATIENT].unique())
    drawn = np.random.default_rng(seed).permutation(patients)[: len(patients) // 2]
    inside = frame[PATIENT].isin(drawn)
    return frame[inside], frame[~inside]


def main() -> None:
    """Print every figure that is claimed of the synthetic sample."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    given = os.environ.get("HEALTH_PREDICT_DATA")
    parser.add_argument("--data", type=Path, default=given, required=not given, help="diabetic_data.csv or the UCI zip")
    arguments = command_line.parse(parser)
    raw, rows_drawn = read_raw(arguments.data), TRAINING_ROWS
    if arguments.quick:
        raw, rows_drawn = dataclasses.replace(raw, frame=raw.frame.head(QUICK_ROWS)), QUICK_ROWS
    profile = load_profile()
    started = time.process_time()
    sample = sample_encounters(len(raw.frame), seed=1)
    seconds = time.process_time() - started
    smallest = min(int(counts[counts > 0].min()) for counts in profile.margins.values() if counts.any())
    cells = sum(int((counts > 0).sum()) for counts in profile.margins.values())
    print(f"profile: {COMMITTED.stat().st_size / 1000:.1f} KB compressed, {cells:,} cells, smallest {smallest} rows")
    print(f"sampling {len(sample):,} rows: {seconds:.2f} CPU-s")
    print(f"largest marginal errors:\n{marginal_errors(raw.frame, sample).head(5).round(4).to_string()}\n")
    known, unseen = _half(raw.frame, seed=0)
    half = sample_from(build_profile(dataclasses.replace(raw, frame=known)), rows_drawn, seed=1)
    initial = split(sample, seed=42).train
    rows = {
        "real -> real, unseen patients": (known, unseen),
        f"synthetic {rows_drawn:,} -> real, unseen patients": (half, unseen),
        f"synthetic {rows_drawn:,} -> all real": (sample_encounters(rows_drawn, seed=1), raw.frame),
        f"synthetic, train part of its initial 20 % ({len(initial):,} rows) -> all real": (initial, raw.frame),
    }
    for name, (training, judged) in rows.items():
        scores = " / ".join(f"{auroc(training, judged, target):.4f}" for target in TARGETS)
        print(f"AUROC any / <30, {name}: {scores}")
    both = {"real": history(raw.frame), "synthetic": history(sample)}
    print(f"\nrepeat patients\n{pd.DataFrame(both).round(4).to_string()}\n")
    for name, frame in (("real", raw.frame), ("synthetic", sample)):
        print(f"drift by fifth of the file, {name}\n{drift(frame).round(3).to_string()}\n")


if __name__ == "__main__":
    command_line.run(main)
