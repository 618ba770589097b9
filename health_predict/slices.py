"""How the model does for groups of patients; groups under 11 patients are pooled, so that nobody can be singled out."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from health_predict import bootstrap
from health_predict.columns import PATIENT
from health_predict.evaluation import Interval
from health_predict.privacy import POOLED, SMALLEST_GROUP, can_be_told

AGE_GROUPS = {"[0-10)": "<40", "[10-20)": "<40", "[20-30)": "<40", "[30-40)": "<40", "[40-50)": "40-60"}
AGE_GROUPS |= {"[50-60)": "40-60", "[60-70)": "60-70", "[70-80)": "70-80", "[80-90)": "80+", "[90-100)": "80+"}
DRAWS = 300


@dataclass(frozen=True)
class Slice:
    """One group: AUROC, miss rate (false negatives among positives) and observed minus mean predicted rate."""

    column: str
    group: str
    rows: int
    patients: int
    positive_rate: float
    mean_probability: float
    auroc: Interval
    miss_rate: Interval
    calibration_gap: Interval


@dataclass(frozen=True)
class ToldSlice:
    """What is shown and stored of a group: None where fewer than 11 encounters of an outcome stand behind a figure.

    From a rate, fewer than eleven people could be told apart. The miss rate is about positives alone.
    """

    column: str
    group: str
    rows: int
    patients: int
    positive_rate: float | None
    mean_probability: float
    auroc: Interval | None
    miss_rate: Interval | None
    calibration_gap: Interval | None


def tell(s: Slice) -> ToldSlice:
    """Withhold the figures of a group that too few stand behind, and those that it cannot have."""
    positives = round(s.rows * s.positive_rate)
    enough = can_be_told(s.rows, s.positive_rate)
    return ToldSlice(
        column=s.column,
        group=s.group,
        rows=s.rows,
        patients=s.patients,
        positive_rate=s.positive_rate if enough else None,
        mean_probability=s.mean_probability,
        auroc=_told(s.auroc, enough),
        miss_rate=_told(s.miss_rate, positives >= SMALLEST_GROUP),
        calibration_gap=_told(s.calibration_gap, enough),
    )


def _told(value: Interval, enough: bool) -> Interval | None:
    return value if enough and math.isfinite(value.value) else None


def slice_performance(
    frame: pd.DataFrame, y: npt.ArrayLike, probability: npt.ArrayLike, *, threshold: float, seed: int
) -> tuple[Slice, ...]:
    """Measure each group of race, gender and age in n labelled encounters; intervals resample patients.

    A score that a group cannot have, such as the AUROC of one outcome, is NaN. Fewer than 11 patients give no slices.
    """
    truth, p = np.asarray(y, dtype=np.int8), np.asarray(probability, dtype=np.float64)
    patients = frame[PATIENT].to_numpy()
    if len(np.unique(patients)) < SMALLEST_GROUP:
        return ()
    return tuple(
        _measure(column, str(group), np.flatnonzero(groups == group), truth, p, patients, threshold, seed)
        for column, groups in _groupings(frame)
        for group in sorted(groups.unique())
    )


def _groupings(frame: pd.DataFrame) -> list[tuple[str, pd.Series]]:
    ages = frame["age"].map(AGE_GROUPS).fillna("unknown")
    named = [("race", frame["race"].fillna("unknown")), ("gender", frame["gender"]), ("age", ages)]
    return [(name, _pool_small(groups, frame[PATIENT])) for name, groups in named]


def _pool_small(groups: pd.Series, patients: pd.Series) -> pd.Series:
    """Pool groups under 11 patients; if the pool itself stays under 11, the next smallest group joins it.

    A patient can be in several groups, so the pool's patients are counted anew and not added up.
    """
    sizes = patients.groupby(groups.to_numpy()).nunique().sort_values(kind="stable")
    pooled: list[str] = []
    for group, size in sizes.items():
        count = patients[groups.isin(pooled)].nunique()
        if size >= SMALLEST_GROUP and (count == 0 or count >= SMALLEST_GROUP):
            break
        pooled.append(str(group))
    return groups.where(~groups.isin(pooled), POOLED)


def _measure(
    column: str,
    group: str,
    rows: npt.NDArray[np.intp],
    y: npt.NDArray[np.int8],
    p: npt.NDArray[np.float64],
    patients: npt.NDArray[np.int64],
    threshold: float,
    seed: int,
) -> Slice:
    y, p, patients = y[rows], p[rows], patients[rows]
    missed, gap = (p < threshold) & (y == 1), y - p
    blocks = [np.ones((1, len(y)), np.int32), *bootstrap.patient_weights(patients, DRAWS, seed)]
    weights = np.concatenate(blocks)

    def scored(values: npt.NDArray[np.float64]) -> Interval:
        return Interval(float(values[0]), *bootstrap.interval(values[1:]))

    with np.errstate(invalid="ignore", divide="ignore"):
        misses = (weights @ missed) / (weights @ y.astype(np.float64))
        gaps = (weights @ gap) / weights.sum(axis=1)
    return Slice(
        column=column,
        group=group,
        rows=len(y),
        patients=len(np.unique(patients)),
        positive_rate=float(y.mean()),
        mean_probability=float(p.mean()),
        auroc=scored(bootstrap.weighted_auroc(y, p, weights)),
        miss_rate=scored(misses),
        calibration_gap=scored(gaps),
    )
