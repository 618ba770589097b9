"""Evidently's own dataset rules, for comparison: its default, and the share of tests that the original went by."""

import warnings
from collections.abc import Mapping
from typing import Any

import pandas as pd

from health_predict.columns import COLUMNS

RULES: Mapping[str, str] = {
    "default": "Evidently's default (distances >= .1 in half of the columns)",
    "thirty": "KS or chi-square p < .05 in 30 % of the columns",
}
_SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "default": {"drift_share": 0.5},
    "thirty": {
        "drift_share": 0.3,
        "num_stattest": "ks",
        "num_stattest_threshold": 0.05,
        "cat_stattest": "chisquare",
        "cat_stattest_threshold": 0.05,
    },
}
_NUMBERS = [column.name for column in COLUMNS if column.kind == "integer"]
_OTHERS = [c.name for c in COLUMNS if c.kind not in ("integer", "identifier") and c.role in ("input", "unused")]


def drifted(rule: str, reference: pd.DataFrame, batch: pd.DataFrame) -> bool:
    """Tell whether Evidently finds dataset drift in n raw encounters."""
    from evidently.legacy.metric_preset import DataDriftPreset
    from evidently.legacy.pipeline.column_mapping import ColumnMapping
    from evidently.legacy.report import Report

    mapping = ColumnMapping(target=None, numerical_features=_NUMBERS, categorical_features=_OTHERS)
    report = Report([DataDriftPreset(**_SETTINGS[rule])])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # constant columns make its tests complain
        report.run(reference_data=_prepared(reference), current_data=_prepared(batch), column_mapping=mapping)
    return bool(report.as_dict()["metrics"][0]["result"]["dataset_drift"])


def _prepared(frame: pd.DataFrame) -> pd.DataFrame:
    return frame[_NUMBERS].join(frame[_OTHERS].astype(object).fillna("missing").astype(str))
