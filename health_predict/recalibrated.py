"""A recalibrated version: the champion's bundle with another calibration, and the decision that adopts it."""

import json
import shutil
from dataclasses import asdict
from pathlib import Path

from health_predict.calibration import Calibration
from health_predict.promotion import ModelFacts, PromotionDecision
from health_predict.scorer import BUNDLE_FILES, GOLDEN, MANIFEST, Scorer, load_scorer


def recalibrate_bundle(
    champion: Path, folder: Path, calibration: Calibration, *, run_id: str, created_at: str
) -> Scorer:
    """Write the bundle of the champion with another calibration into `folder` and load it.

    The manifest has the new calibration, run and time, the golden records their new probabilities; every other file is
    the same to the byte. The threshold stays: it is a probability, which now means again what it says.

    Raises:
        BundleError: the champion's bundle or the new one does not replay its golden records.
    """
    scorer = load_scorer(champion)
    folder.mkdir(parents=True, exist_ok=True)
    for name in BUNDLE_FILES:
        shutil.copyfile(champion / name, folder / name)
    manifest = json.loads((champion / MANIFEST).read_text())
    changed = {"calibration": asdict(calibration), "run_id": run_id, "created_at": created_at}
    records = json.loads((champion / GOLDEN).read_text())["records"]
    expected = calibration.apply(scorer.raw_scores(scorer.encoder.encode_all(records)))
    golden = {"records": records, "probabilities": expected.tolist()}
    for name, content in ((MANIFEST, {**manifest, **changed}), (GOLDEN, golden)):
        (folder / name).write_text(json.dumps(content, indent=1, allow_nan=False) + "\n")
    return load_scorer(folder)


def describe_shift(shift: float, rows: int) -> str:
    """Say what was done, such as "recalibrated: intercept moved by +0.12 on 1,000 encounters"."""
    return f"recalibrated: intercept moved by {shift:+.2f} on {rows:,} encounters"


def adopt_recalibration(champion: ModelFacts, challenger: ModelFacts, reason: str) -> PromotionDecision:
    """Decide for a recalibrated version: it orders encounters as the champion does, so nothing is to be compared."""
    return PromotionDecision(
        promoted=True,
        reason=reason,
        metric="auroc",
        margin=0.0,
        champion_version=champion.version,
        champion_run_id=champion.run_id,
        challenger_version=challenger.version,
        challenger_run_id=challenger.run_id,
        target=challenger.target,
        provenance=challenger.provenance,
        champion_score=None,
        challenger_score=None,
        difference=None,
        low=None,
        high=None,
        patients=None,
        rows=None,
        draws=0,
        seed=0,
    )
