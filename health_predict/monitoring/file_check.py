"""One file of a user's own against a model version: what is asked, what is told, and the name it is known by."""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

from health_predict.monitoring.decision import DriftVerdict, Rule
from health_predict.monitoring.drift import Drift
from health_predict.monitoring.ledger import Entry
from health_predict.monitoring.performance import Performance
from health_predict.monitoring.run_record import RunRecord, run_record
from health_predict.reading import Provenance
from health_predict.stored import check_fields

CHAMPIONS_OWN = "the training window of the version"
OUTCOMES_APART = (
    "columns and impact are compared with it; outcomes, where known, with what the model promised in training"
)


@dataclass(frozen=True)
class FileRequest:
    """What is to be checked.

    Attributes:
        current, reference: paths or s3:// addresses; no reference means that of the version.
        reports: the folder or s3:// prefix below which each check has a folder of its own.
        data: where the file may be that the version was trained on; None looks in the documented places.
    """

    current: str
    reference: str | None
    version: str
    reports: str
    data: str | None

    def as_dict(self) -> dict[str, Any]:
        """Return the request as plain JSON values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Return the request that `as_dict` wrote; InputError if a field is missing or unknown."""
        check_fields(cls, values, "file check", "ask again")
        return cls(**values)


@dataclass(frozen=True)
class FileCheck:
    """What was found. Figures and names only.

    Attributes:
        id: the same for the same content, version, reference and rule.
        compared_with: the reference, in words.
        mean_score, expected_auroc: of the scores, without any label.
        performance: None without labels.
        share, drifted: of the columns, as Evidently finds them.
        notes: what was completed, left out or is not known.
    """

    id: str
    version: str
    run_id: str
    provenance: Provenance
    compared_with: str
    mean_score: float
    expected_auroc: float
    verdict: DriftVerdict
    drift: Drift
    performance: Performance | None
    share: float
    drifted: int
    notes: tuple[str, ...]

    def told(self) -> dict[str, Any]:
        """Return what the user is told, as plain JSON values."""
        return {
            "id": self.id,
            "version": self.version,
            "rows": self.verdict.rows,
            "verdict": self.verdict.as_dict(),
            "outcomes": self._outcomes(),
            "notes": list(self.notes),
        }

    def _outcomes(self) -> str:
        expected = f"expected AUROC {self.expected_auroc:.3f}"
        found = self.performance
        if found is None:
            return f"{expected}, outcomes not known"
        realised = f"AUROC {found.auroc}" if math.isfinite(found.auroc.value) else "no AUROC, one outcome only"
        rates = f"{found.observed:.1%} readmitted, {found.predicted:.1%} predicted ({found.calibration_z:+.1f} sd)"
        return f"{realised}, {expected}; {rates}"


def check_id(rows: str, version: str, reference: str | None, rule: Rule, minimum: int) -> str:
    """Return 16 hexadecimal digits that name a check.

    Args:
        rows, reference: hashes of the contents.
    """
    asked = [rows, version, reference, asdict(rule), minimum]
    return hashlib.sha256(json.dumps(asked).encode()).hexdigest()[:16]


def file_run_record(check: FileCheck, places: Mapping[str, str], *, false_alarm_rate: float) -> RunRecord:
    """Describe a check for an experiment tracker, as a batch of the stream is described.

    Args:
        places: where each report lies, by its name.
    """
    seen = {"index": "none", "rows": check.verdict.rows, "provenance": check.provenance}
    scored = {
        "version": check.version,
        "run_id": check.run_id,
        "mean": check.mean_score,
        "expected_auroc": check.expected_auroc,
    }
    checked = {
        "verdict": check.verdict.as_dict(),
        "performance": check.performance.as_dict() if check.performance else None,
        "labelled": check.id if check.performance else None,
        "labelled_expected_auroc": check.expected_auroc,
        "evidently": {"share": check.share, "drifted": check.drifted, "reports": places},
    }
    record = run_record(Entry(check.id, {"seen": seen, "scored": scored}), checked, false_alarm_rate=false_alarm_rate)
    return replace(record, params={**record.params, "reference": check.compared_with})
