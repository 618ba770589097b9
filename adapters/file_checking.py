"""Checks a file of the user's own against a model version. The stream, its ledger and the registry stay as they are."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from adapters.batch_checking import REPORT_ROWS
from adapters.champion_scoring import reference_of
from adapters.encounter_files import EncounterFile, read_encounters
from adapters.evidently_reports import EvidentlyReports, Matured, Scores, build_reports, validator_of_stack
from adapters.monitoring_store import MonitoringStore
from adapters.release_fetching import fetch_release, release_of
from adapters.stack_connection import registry_of_stack
from adapters.training_rows import training_rows
from configs.monitor import MonitorConfig
from health_predict.columns import PATIENT, TARGET_COLUMN
from health_predict.errors import InputError
from health_predict.monitoring.batches import batch_id
from health_predict.monitoring.concordance import expected_auroc
from health_predict.monitoring.decision import DriftVerdict, Rule, judge, too_small
from health_predict.monitoring.drift import Drift, measure_drift
from health_predict.monitoring.file_check import CHAMPIONS_OWN, OUTCOMES_APART, FileCheck, FileRequest, check_id
from health_predict.monitoring.own_encounters import Outcomes, OwnEncounters, accept, outcomes_of
from health_predict.monitoring.own_reference import own_reference
from health_predict.monitoring.performance import Performance, measure_performance
from health_predict.monitoring.reference import Reference
from health_predict.monitoring.reporting import Labelled
from health_predict.pages.drift_summary import Subject
from health_predict.pages.file_check import file_check_page
from health_predict.reading import UCI_SHA256, Provenance
from health_predict.release import Release
from health_predict.scorer import Scorer, load_scorer

SUMMARY = "summary.html"

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class _Version:
    """The version that is asked about: who it is, what it promised, and how it scores."""

    release: Release
    reference: Reference
    scorer: Scorer

    def score(self, frame: pd.DataFrame) -> Floats:
        return self.scorer.probabilities_of_table(pa.Table.from_pandas(frame, preserve_index=False))


@dataclass(frozen=True)
class _Compared:
    """What the file is compared with: in sum, row by row, in words, and the hash of a file of the user's own."""

    reference: Reference
    rows: pd.DataFrame
    words: str
    sha256: str | None
    notes: tuple[str, ...]


def check_file(request: FileRequest, config: MonitorConfig) -> tuple[FileCheck, dict[str, str]]:
    """Score and judge the encounters of a file.

    Returns:
        The check, and its reports by file name.

    Raises:
        InputError: see `read_encounters` and `accept`; no such version, a version without reference, or no training
            encounters to compare with.
    """
    file = read_encounters(request.current)
    own, version = accept(file.strings, request.current), version_of(request.version)
    compared = _own_reference(request, file, own, version, config) or _training_window(request, version, config)
    probability, rule = version.score(own.frame), Rule(**config.rule.model_dump())
    release, rows = version.release, batch_id(own.frame)
    name = check_id(rows, release.model_version, compared.sha256, rule, config.minimum)
    subject = Subject(name, release.model_version, _provenance(file, version))
    outcomes = outcomes_of(own, version.scorer.manifest["target"])
    found = _evidently(own, outcomes, compared, version, probability, subject, config)
    drift = measure_drift(compared.reference, own.frame)
    performance = _performance(own, version, probability)
    check = FileCheck(
        id=name,
        version=release.model_version,
        run_id=release.run_id,
        provenance=subject.provenance,
        compared_with=compared.words,
        mean_score=float(probability.mean()),
        expected_auroc=expected_auroc(probability),
        verdict=_verdict(compared.reference, drift, performance, rule, config.minimum, found.share),
        drift=drift,
        performance=performance,
        share=found.share,
        drifted=found.drifted,
        notes=(*own.notes, *compared.notes, *_of_version(file, version)),
    )
    return check, {SUMMARY: file_check_page(check, tuple(found.pages)), **found.pages}


def version_of(version: str) -> _Version:
    """Fetch a version with its reference; InputError if it has none."""
    release, registry = release_of(version, registry_of_stack()), registry_of_stack()
    reference = reference_of(release)
    with tempfile.TemporaryDirectory() as folder:
        return _Version(release, reference, load_scorer(fetch_release(release, Path(folder), registry)))


def _own_reference(
    request: FileRequest, file: EncounterFile, own: OwnEncounters, version: _Version, config: MonitorConfig
) -> _Compared | None:
    if request.reference is None:
        return None
    other = read_encounters(request.reference)
    if other.sha256 == file.sha256:
        raise InputError(f"{request.reference}: the same content as {request.current}; compare it with another file")
    accepted = accept(other.strings, request.reference)
    frame, rows = accepted.frame, len(own.frame)
    if len(frame) < config.minimum:
        raise InputError(f"{request.reference}: {len(frame):,} encounters; a reference needs {config.minimum:,}")
    score = version.score(frame)
    reference = own_reference(frame, score, version.reference, rows=rows, seed=config.seed)
    words = f"a file of {len(frame):,} encounters (SHA-256 {other.sha256[:12]}...)"
    sample = frame.sample(min(REPORT_ROWS, len(frame)), random_state=0, ignore_index=True)
    notes = (*accepted.notes, OUTCOMES_APART)
    return _Compared(reference, sample, words, other.sha256, tuple(f"reference: {note}" for note in notes))


def _training_window(request: FileRequest, version: _Version, config: MonitorConfig) -> _Compared:
    rows = training_rows(MonitoringStore.of_stack(), version.release, request.data, config.data)
    return _Compared(version.reference, rows, CHAMPIONS_OWN, None, ())


def _performance(own: OwnEncounters, outcomes: Outcomes, version: _Version, probability: Floats) -> Performance | None:
    if outcomes.y is None:
        return None
    return measure_performance(version.reference, outcomes.y, probability, own.frame[PATIENT])


def _verdict(
    reference: Reference, drift: Drift, performance: Performance | None, rule: Rule, minimum: int, share: float
) -> DriftVerdict:
    if drift.rows < minimum:
        return too_small(drift.rows, minimum, rule)
    return judge(reference, drift, performance, rule, drift_share=share)


def _evidently(
    own: OwnEncounters,
    outcomes: Outcomes,
    compared: _Compared,
    version: _Version,
    probability: Floats,
    subject: Subject,
    config: MonitorConfig,
) -> EvidentlyReports:
    matured = None
    if outcomes.y is not None:
        patients = own.frame[PATIENT].to_numpy()
        matured = Matured(Labelled(probability, outcomes.y, patients, version.scorer.threshold), subject)
    return build_reports(
        validator_of_stack(),
        compared.rows,
        own.frame.drop(columns=TARGET_COLUMN, errors="ignore"),
        subject,
        scores=Scores(compared.reference.scores, probability),
        matured=matured,
        share_needed=config.rule.drift_share,
    )


def _provenance(file: EncounterFile, version: _Version) -> Provenance:
    if version.scorer.manifest["provenance"] == "synthetic":
        return "synthetic"
    return "uci" if file.sha256 == UCI_SHA256 else "file"


def _of_version(file: EncounterFile, version: _Version) -> tuple[str, ...]:
    notes = []
    if version.scorer.manifest["provenance"] == "synthetic":
        notes.append("the model learnt from SYNTHETIC DATA: its scores of real encounters mean nothing")
    if version.scorer.manifest["data_sha256"] == file.sha256:
        notes.append("the model learnt from encounters of this very file: it promises more here than elsewhere")
    return tuple(notes)
