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
class _Scored:
    """The file, its encounters, and their (n,) calibrated probabilities and outcomes."""

    file: EncounterFile
    own: OwnEncounters
    version: _Version
    probability: Floats
    outcomes: Outcomes

    @property
    def patients(self) -> npt.NDArray[np.int64]:
        return self.own.frame[PATIENT].to_numpy()

    @property
    def provenance(self) -> Provenance:
        if self.version.scorer.manifest["provenance"] == "synthetic":
            return "synthetic"
        return "uci" if self.file.sha256 == UCI_SHA256 else "file"


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
    scored, rule = _scored(request), Rule(**config.rule.model_dump())
    compared = _own_reference(request, scored, config) or _training_window(request, scored.version, config)
    release = scored.version.release
    name = check_id(batch_id(scored.own.frame), release.model_version, compared.sha256, rule, config.minimum)
    reports = _evidently(scored, compared, Subject(name, release.model_version, scored.provenance), config)
    drift, performance = measure_drift(compared.reference, scored.own.frame), _performance(scored)
    check = FileCheck(
        id=name,
        version=release.model_version,
        run_id=release.run_id,
        provenance=scored.provenance,
        compared_with=compared.words,
        mean_score=float(scored.probability.mean()),
        expected_auroc=expected_auroc(scored.probability),
        verdict=_verdict(compared.reference, drift, performance, rule, config.minimum, reports.share),
        drift=drift,
        performance=performance,
        share=reports.share,
        drifted=reports.drifted,
        notes=(*scored.own.notes, *compared.notes, *_of_version(scored), *scored.outcomes.notes),
    )
    return check, {SUMMARY: file_check_page(check, tuple(reports.pages)), **reports.pages}


def version_of(version: str | None) -> _Version:
    """Fetch a version, None for the champion, with its reference; InputError if it has none."""
    release = release_of(version)
    reference = reference_of(release)
    with tempfile.TemporaryDirectory() as folder:
        return _Version(release, reference, load_scorer(fetch_release(release, Path(folder))))


def _scored(request: FileRequest) -> _Scored:
    file = read_encounters(request.current)
    own, version = accept(file.strings, request.current), version_of(request.version)
    outcomes = outcomes_of(own, version.scorer.manifest["target"])
    return _Scored(file, own, version, version.score(own.frame), outcomes)


def _own_reference(request: FileRequest, scored: _Scored, config: MonitorConfig) -> _Compared | None:
    if request.reference is None:
        return None
    other = read_encounters(request.reference)
    if other.sha256 == scored.file.sha256:
        raise InputError(f"{request.reference}: the same content as {request.current}; compare it with another file")
    accepted, version = accept(other.strings, request.reference), scored.version
    frame, rows = accepted.frame, len(scored.own.frame)
    if len(frame) < config.minimum:
        raise InputError(f"{request.reference}: {len(frame):,} encounters; a reference needs {config.minimum:,}")
    reference = own_reference(frame, version.score(frame), version.reference, rows=rows, seed=config.seed)
    words = f"a file of {len(frame):,} encounters (SHA-256 {other.sha256[:12]}...)"
    sample = frame.sample(min(REPORT_ROWS, len(frame)), random_state=0, ignore_index=True)
    notes = (*accepted.notes, OUTCOMES_APART)
    return _Compared(reference, sample, words, other.sha256, tuple(f"reference: {note}" for note in notes))


def _training_window(request: FileRequest, version: _Version, config: MonitorConfig) -> _Compared:
    rows = training_rows(MonitoringStore.of_stack(), version.release, request.data, config.data)
    return _Compared(version.reference, rows, CHAMPIONS_OWN, None, ())


def _performance(scored: _Scored) -> Performance | None:
    if scored.outcomes.y is None:
        return None
    return measure_performance(scored.version.reference, scored.outcomes.y, scored.probability, scored.patients)


def _verdict(
    reference: Reference, drift: Drift, performance: Performance | None, rule: Rule, minimum: int, share: float
) -> DriftVerdict:
    if drift.rows < minimum:
        return too_small(drift.rows, minimum, rule)
    return judge(reference, drift, performance, rule, drift_share=share)


def _evidently(scored: _Scored, compared: _Compared, subject: Subject, config: MonitorConfig) -> EvidentlyReports:
    matured, y = None, scored.outcomes.y
    if y is not None:
        labelled = Labelled(scored.probability, y, scored.patients, scored.version.scorer.threshold)
        matured = Matured(labelled, subject)
    return build_reports(
        validator_of_stack(),
        compared.rows,
        scored.own.frame.drop(columns=TARGET_COLUMN, errors="ignore"),
        subject,
        scores=Scores(compared.reference.scores, scored.probability),
        matured=matured,
        share_needed=config.rule.drift_share,
    )


def _of_version(scored: _Scored) -> tuple[str, ...]:
    notes, manifest = [], scored.version.scorer.manifest
    if manifest["provenance"] == "synthetic":
        notes.append("the model learnt from SYNTHETIC DATA: its scores of real encounters mean nothing")
    if manifest["data_sha256"] == scored.file.sha256:
        notes.append("the model learnt from encounters of this very file: it promises more here than elsewhere")
    return tuple(notes)
