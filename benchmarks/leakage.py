"""The gap between splitting rows at random and splitting by patient, on the full real file: a leak shows as a gap.

    python -m benchmarks.leakage [--target any|within_30_days] [--quick]

Three folds of each, one XGBoost, the project's own features. A feature that knows other encounters of a patient makes
the random split look better than the split by patient; the goal is a gap of at most .003.
"""

import argparse
import os

import numpy as np
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold, KFold
from xgboost import XGBClassifier

from adapters.data_source import locate, open_source
from benchmarks import command_line
from health_predict.columns import PATIENT
from health_predict.engineer import engineer
from health_predict.preprocessor import fit_preprocessor, transform
from health_predict.splits import arrival_order, at_risk
from health_predict.target import readmitted_binary
from stacks.environment import cache_folder

QUICK_ROWS = 6_000


def main() -> None:
    """Print both AUROCs, fold by fold and on average, and the gap."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--target", default="any", choices=["any", "within_30_days"])
    arguments = command_line.parse(parser)
    target = arguments.target
    raw = open_source(locate(None, os.environ, cache_folder()).uri)
    frame = at_risk(arrival_order(raw.frame))[: QUICK_ROWS if arguments.quick else None]
    engineered, y, patients = engineer(frame), readmitted_binary(frame, target), frame[PATIENT].to_numpy()
    splits = {
        "random rows": KFold(3, shuffle=True, random_state=0).split(engineered),
        "by patient": GroupKFold(3).split(engineered, groups=patients),
    }
    means = {}
    for name, folds in splits.items():
        scores = []
        for train, held_out in folds:
            preprocessor, X = fit_preprocessor(engineered.iloc[train], y[train], patients[train], seed=0)
            model = XGBClassifier(n_estimators=150, learning_rate=0.12, max_depth=6, random_state=0).fit(X, y[train])
            found = model.predict_proba(transform(preprocessor, engineered.iloc[held_out]))[:, 1]
            scores.append(roc_auc_score(y[held_out], found))
        means[name] = float(np.mean(scores))
        print(f"{name}: AUROC {means[name]:.4f} ({', '.join(f'{score:.4f}' for score in scores)})")
    gap = means["random rows"] - means["by patient"]
    print(f"gap ({raw.provenance}, {target}, {len(frame):,} encounters): {gap:+.4f}, goal <= .003")


if __name__ == "__main__":
    command_line.run(main)
