"""Whether a challenger replaces the champion: both on the same patients, and a reason that a person can read."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from health_predict.bootstrap import Floats, interval, patient_weights, weighted_auroc, weighted_f1
from health_predict.errors import InputError
from health_predict.privacy import SMALLEST_GROUP
from health_predict.stored import check_fields

Metric = Literal["auroc", "f1"]
Provenance = Literal["uci", "file", "synthetic"]

MOST_UNUSABLE_DRAWS = 0.05  # share of draws without a value that an interval may leave out


@dataclass(frozen=True)
class ModelFacts:
    """One side of the comparison: which model it is, what it predicts and what it was trained on."""

    version: str | None
    run_id: str
    target: str
    provenance: Provenance
    threshold: float = 0.5  # probability from which this model says readmitted; used by F1 alone


@dataclass(frozen=True)
class PromotionDecision:
    """The verdict with what it rests on; a number that was not or cannot be computed is None.

    `difference` is challenger minus champion, `low` and `high` its 95 % interval over patients. Below eleven patients
    their number and that of their rows are not told.
    """

    promoted: bool
    reason: str
    metric: Metric
    margin: float
    champion_version: str | None
    champion_run_id: str | None
    challenger_version: str | None
    challenger_run_id: str
    target: str
    provenance: Provenance
    champion_score: float | None
    challenger_score: float | None
    difference: float | None
    low: float | None
    high: float | None
    patients: int | None
    rows: int | None
    draws: int
    seed: int

    def as_dict(self) -> dict[str, Any]:
        """Return the decision as plain JSON values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "PromotionDecision":
        """Return the decision that `as_dict` wrote; InputError if a field is missing or unknown."""
        check_fields(cls, values, "promotion decision", "decide again")
        return cls(**values)


@dataclass(frozen=True)
class _Rows:
    """The rows both models are judged on; `champion` is None if it gave no probabilities."""

    y: NDArray[Any]
    patients: NDArray[Any]
    challenger: Floats
    champion: Floats | None

    @property
    def patient_count(self) -> int:
        return len(np.unique(self.patients))


@dataclass(frozen=True)
class _Scores:
    champion_score: float | None = None
    challenger_score: float | None = None
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    unusable: float = 0.0  # share of the draws that have no value


def decide_promotion(
    y: ArrayLike,
    champion_probability: ArrayLike | None,
    challenger_probability: ArrayLike,
    patients: ArrayLike,
    *,
    champion: ModelFacts | None,
    challenger: ModelFacts,
    metric: Metric = "auroc",
    margin: float = 0.01,
    draws: int = 1000,
    seed: int = 0,
    allow_target_change: bool = False,
) -> PromotionDecision:
    """Decide by paired patient bootstrap whether the challenger becomes champion.

    `y` (n,) is 0/1, the probabilities (n,) and the patients (n,) belong to the same rows in the same order. The
    challenger must have the better point estimate and a 95 % lower bound of the difference above -`margin`. A first
    model (`champion` None) is promoted if it can be measured. Whatever the numbers, a model of synthetic data does not
    replace one of real data. InputError if the arrays do not fit together or a setting is out of range.
    """
    _check_settings(metric, margin, draws)
    rows = _rows(y, champion_probability, challenger_probability, patients)
    refusal = _unlike(champion, challenger, allow_target_change) or _unfit(rows, champion)
    scores = _Scores() if refusal else _compare(rows, metric, champion, challenger, draws, seed)
    promoted, reason = (False, refusal) if refusal else _judge(scores, metric, margin, champion)
    return PromotionDecision(
        promoted=promoted,
        reason=f"{'promoted' if promoted else 'refused'}: {reason}{_remarks(champion, challenger, promoted=promoted)}",
        metric=metric,
        margin=margin,
        draws=draws,
        seed=seed,
        **_sides(champion, challenger),
        **_sizes(rows),
        **{field.name: getattr(scores, field.name) for field in fields(scores) if field.name != "unusable"},
    )


def _sides(champion: ModelFacts | None, challenger: ModelFacts) -> dict[str, Any]:
    return {
        "champion_version": champion.version if champion else None,
        "champion_run_id": champion.run_id if champion else None,
        "challenger_version": challenger.version,
        "challenger_run_id": challenger.run_id,
        "target": challenger.target,
        "provenance": challenger.provenance,
    }


def _sizes(rows: _Rows) -> dict[str, Any]:
    told = rows.patient_count == 0 or rows.patient_count >= SMALLEST_GROUP
    return {"patients": rows.patient_count if told else None, "rows": len(rows.y) if told else None}


def _check_settings(metric: str, margin: float, draws: int) -> None:
    if metric not in ("auroc", "f1"):
        raise InputError(f"promotion metric {metric!r} is unknown; use auroc or f1")
    if not 0 <= margin < 1:
        raise InputError(f"promotion margin {margin} is out of range; use 0 or more and less than 1")
    if draws < 100:
        raise InputError(f"promotion draws {draws} are too few for a 95 % interval; use 100 or more")


def _rows(y: ArrayLike, champion: ArrayLike | None, challenger: ArrayLike, patients: ArrayLike) -> _Rows:
    rows = _Rows(
        y=np.asarray(y),
        patients=np.asarray(patients),
        challenger=np.asarray(challenger, dtype=np.float64),
        champion=None if champion is None else np.asarray(champion, dtype=np.float64),
    )
    arrays = [a for a in (rows.y, rows.patients, rows.challenger, rows.champion) if a is not None]
    if rows.y.ndim != 1 or len({a.shape for a in arrays}) > 1:
        raise InputError("promotion: outcomes, patients and probabilities differ in shape; pass one of each per row")
    if pd.isna(rows.patients).any():
        raise InputError("promotion: a row has no patient; leave it out, since rows are drawn by patient")
    if pd.isna(rows.y).any() or not np.isin(rows.y, (0, 1)).all():
        raise InputError("promotion: an outcome is neither 0 nor 1; leave out the rows whose label has not arrived")
    return rows


def _unlike(champion: ModelFacts | None, challenger: ModelFacts, allow_target_change: bool) -> str | None:
    """Say why these two models may not replace one another, whatever their scores."""
    if champion is None:
        return None
    if challenger.provenance == "synthetic" and champion.provenance != "synthetic":
        return f"trained on synthetic data, it does not replace {_name(champion)}, which was trained on real data"
    if challenger.target != champion.target and not allow_target_change:
        return (
            f"it predicts {challenger.target}, {_name(champion)} predicts {champion.target}; "
            "allow the change of target explicitly"
        )
    return None


def _unfit(rows: _Rows, champion: ModelFacts | None) -> str | None:
    """Say why nothing can be measured on these rows."""
    if len(rows.y) == 0:
        return "there is no row to compare on"
    if rows.patient_count < SMALLEST_GROUP:
        return f"there are fewer than {SMALLEST_GROUP} patients to compare on"
    if not np.isfinite(rows.challenger).all():
        return "the challenger gave a probability that is not a finite number"
    if champion is not None and rows.champion is None:
        return f"{_name(champion)} gave no probabilities to compare with; repair it or roll back"
    if champion is not None and rows.champion is not None and not np.isfinite(rows.champion).all():
        return f"{_name(champion)} gave a probability that is not a finite number; roll back"
    if len(np.unique(rows.y)) < 2:
        return "all outcomes are the same, so nothing can be measured"
    return None


def _compare(
    rows: _Rows, metric: Metric, champion: ModelFacts | None, challenger: ModelFacts, draws: int, seed: int
) -> _Scores:
    once = np.ones((1, len(rows.y)), dtype=np.int32)
    new = _values(metric, rows.y, rows.challenger, challenger, once)[0]
    if champion is None or rows.champion is None:
        return _Scores(challenger_score=_finite(new))
    old = _values(metric, rows.y, rows.champion, champion, once)[0]
    differences = np.concatenate(
        [
            _values(metric, rows.y, rows.challenger, challenger, block)
            - _values(metric, rows.y, rows.champion, champion, block)
            for block in patient_weights(rows.patients, draws, seed)
        ]
    )
    low, high = interval(differences)
    unusable = float(np.isnan(differences).mean())
    return _Scores(_finite(old), _finite(new), _finite(new - old), _finite(low), _finite(high), unusable)


def _values(metric: Metric, y: NDArray[Any], probability: Floats, facts: ModelFacts, weights: NDArray[Any]) -> Floats:
    if metric == "auroc":
        return weighted_auroc(y, probability, weights)
    return weighted_f1(y, probability >= facts.threshold, weights)


def _judge(scores: _Scores, metric: Metric, margin: float, champion: ModelFacts | None) -> tuple[bool, str]:
    label = {"auroc": "AUROC", "f1": "F1"}[metric]
    if scores.challenger_score is None:
        return False, f"its {label} is not a number"
    if champion is None:
        return True, f"first model, {label} {scores.challenger_score:.4f}, there is no champion to compare with"
    if scores.champion_score is None or scores.difference is None or scores.low is None or scores.high is None:
        return False, f"the {label} of {_name(champion)} or the interval is not a number"
    if scores.unusable > MOST_UNUSABLE_DRAWS:
        return False, f"{scores.unusable:.1%} of the draws give no {label}: too few patients of one outcome"
    found = (
        f"{label} {scores.challenger_score:.4f} against {scores.champion_score:.4f} of {_name(champion)}, difference "
        f"{scores.difference:+.3g}, 95 % interval {scores.low:+.3g} to {scores.high:+.3g}"
    )
    if scores.difference == 0:
        return False, f"nothing gained, {found}"
    if scores.difference < 0:
        return False, f"worse, {found}"
    if scores.low <= -margin:
        return False, f"better, but the interval reaches the margin of -{margin:g}, {found}"
    return True, f"better, {found}, above the margin of -{margin:g}"


def _remarks(champion: ModelFacts | None, challenger: ModelFacts, *, promoted: bool) -> str:
    synthetic = [
        name
        for name, facts in (("champion", champion), ("challenger", challenger))
        if facts is not None and facts.provenance == "synthetic"
    ]
    remarks = [f"{' and '.join(synthetic)} trained on synthetic data"] if synthetic else []
    if promoted and champion is not None and champion.target != challenger.target:
        remarks.append(f"target changes from {champion.target} to {challenger.target}")
    return f" ({'; '.join(remarks)})" if remarks else ""


def _name(facts: ModelFacts) -> str:
    return "the champion" if facts.version is None else f"champion version {facts.version}"


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
