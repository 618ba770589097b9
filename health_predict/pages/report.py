"""What the evaluation and calibration pages are made of."""

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from health_predict.evaluation import Evaluation
from health_predict.reading import Provenance
from health_predict.slices import ToldSlice
from health_predict.target import Target

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class ModelFacts:
    """Which model, on which data.

    Attributes:
        version: of the registry, or "not registered yet".
        fingerprint: the first characters of the data's SHA-256.
        created_at: as the page shall show it.
    """

    name: str
    family: str
    version: str
    run_id: str
    target: Target
    provenance: Provenance
    fingerprint: str
    created_at: str


@dataclass(frozen=True)
class CandidateRow:
    """One candidate of the cross-validation: mean and standard deviation of its score over the folds."""

    family: str
    parameters: str
    mean: float
    spread: float
    chosen: bool


@dataclass(frozen=True)
class Scored:
    """Test encounters as (n,) arrays; a page only shows aggregates of them.

    Attributes:
        raw: the model's score before calibration, 0..1.
        probability: after calibration.
        patients: who each row belongs to.
    """

    y: npt.NDArray[np.int8]
    raw: Floats
    probability: Floats
    patients: npt.NDArray[np.int64]


@dataclass(frozen=True)
class EvaluationReport:
    """One model's scores, of which the pages are made.

    Attributes:
        metric: what the candidates were compared by.
        validation: out-of-fold on train and validation, calibrated.
        test, uncalibrated: on test with calibrated and with raw probabilities.
        slices: on test.
    """

    facts: ModelFacts
    metric: str
    candidates: tuple[CandidateRow, ...]
    validation: Evaluation
    test: Evaluation
    uncalibrated: Evaluation
    scored: Scored
    slices: tuple[ToldSlice, ...]

    @property
    def head(self) -> list[tuple[str, str]]:
        """Names and values for the head of a page."""
        facts = self.facts
        return [
            ("model", facts.name),
            ("family", facts.family),
            ("version", facts.version),
            ("run", facts.run_id),
            ("data fingerprint", facts.fingerprint),
            ("created", re.sub(r"^([\d-]{10})T([\d:]{5}).*", r"\1 \2 UTC", facts.created_at)),
        ]
