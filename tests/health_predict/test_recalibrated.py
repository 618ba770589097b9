"""A champion's bundle with its intercept moved: a sound bundle, in which nothing else changed."""

import json
from pathlib import Path

import numpy as np
import pytest

from health_predict.calibration import Calibration
from health_predict.promotion import ModelFacts, PromotionDecision
from health_predict.recalibrated import adopt_recalibration, describe_shift, recalibrate_bundle
from health_predict.records import generate_records
from health_predict.scorer import BUNDLE_FILES, BundleError, Scorer
from tests.small_bundle import build_small_bundle

MOVED = Calibration(1.1, 0.35)


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("bundles")
    return folder / "old", folder / "new"


@pytest.fixture(scope="module")
def scorers(folders) -> tuple[Scorer, Scorer]:
    old, new = folders
    before = build_small_bundle("xgboost", old)
    return before, recalibrate_bundle(old, new, MOVED, run_id="r2", created_at="2026-02-01T00:00:00+00:00")


def test_probabilities_move_and_their_order_stays(scorers) -> None:
    old, new = scorers
    records = generate_records(200, seed=9)
    before, after = old.probabilities(records), new.probabilities(records)
    logits = [np.log(p / (1 - p)) for p in (before, after)]
    assert np.allclose(logits[1] - logits[0], MOVED.intercept - old.calibration.intercept, atol=1e-9)
    assert np.array_equal(np.argsort(before, kind="stable"), np.argsort(after, kind="stable"))
    assert new.threshold == old.threshold


def test_every_other_file_and_field_is_the_same(folders, scorers) -> None:
    old, new = folders
    different = {name for name in BUNDLE_FILES if (old / name).read_bytes() != (new / name).read_bytes()}
    assert different == {"manifest.json", "golden.json"}
    before, after = (json.loads((folder / "manifest.json").read_text()) for folder in folders)
    assert {name for name in before if before[name] != after[name]} == {"calibration", "run_id", "created_at"}
    assert list(before) == list(after)
    records = [json.loads((folder / "golden.json").read_text())["records"] for folder in folders]
    assert records[0] == records[1]


def test_a_bundle_that_does_not_replay_is_not_recalibrated(folders, scorers, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    recalibrate_bundle(folders[0], broken, MOVED, run_id="r", created_at="t")
    (broken / "golden.json").write_bytes((folders[0] / "golden.json").read_bytes())
    with pytest.raises(BundleError, match="golden records are off"):
        recalibrate_bundle(broken, tmp_path / "new", MOVED, run_id="r", created_at="t")


def test_it_is_adopted_with_the_reason_and_no_score() -> None:
    champion, challenger = (ModelFacts(version, f"r{version}", "any", "uci") for version in "34")
    reason = describe_shift(0.1234, 1000)
    assert reason == "recalibrated: intercept moved by +0.12 on 1,000 encounters"
    decision = adopt_recalibration(champion, challenger, reason)
    assert (decision.promoted, decision.reason) == (True, reason)
    assert (decision.champion_version, decision.challenger_version) == ("3", "4")
    assert PromotionDecision.from_dict(decision.as_dict()) == decision
