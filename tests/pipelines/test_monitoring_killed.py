"""The loop, killed before, within and after everything it writes, and kept from outcomes that have not arrived."""

from pathlib import Path

import pandas as pd
import pytest

from health_predict.reading import RawData
from tests.pipelines.loops import STORY, Effects, Played, play
from tests.pipelines.monitored import cut, monitored
from tests.small_bundle import train_poor_model

pytestmark = pytest.mark.slow

FILES = (
    "initial.parquet",
    "stream.parquet",
    "source.json",
    "current_batch_for_monitoring",
    *(f"ledger with {states} states" for states in (1, 2, 3, 4)),
    "ledger with 4 states and outcome",
    "scores",
    "arrivals",
    "reference",
    "drift_reports evidently.html",
    "drift_reports classification.html",
    "drift_reports summary.html",
)
OTHERS = (
    "MLflow create_run of check",
    "MLflow log_batch of check",
    "MLflow set_terminated of check",
    "MLflow log_batch of outcome",
    "retrain",
    "recalibrate",
    "deployment",
    "page",
)


@pytest.fixture(scope="module")
def data(real_raw: RawData, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return cut(real_raw.frame, tmp_path_factory.mktemp("stream") / "small.csv")


@pytest.fixture(scope="module")
def undisturbed(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Played:
    with monitored(tmp_path_factory.mktemp("undisturbed"), train_poor_model()) as home:
        return play(home, data, Effects(deadly=False))


@pytest.fixture(scope="module")
def effects() -> Effects:
    return Effects(deadly=True)


@pytest.fixture(scope="module")
def killed(data: Path, effects: Effects, undisturbed: Played, tmp_path_factory: pytest.TempPathFactory) -> Played:
    """Also kept from outcomes: what is compared with the undisturbed story below would differ by either."""
    with monitored(tmp_path_factory.mktemp("killed"), train_poor_model()) as home:
        return play(home, data, effects, hide_outcomes=True)


def test_the_story_has_every_action_and_the_end_of_the_stream(undisturbed: Played) -> None:
    actions = [entry["records"]["decided"]["action"] for entry in undisturbed.ledger]
    assert actions == ["none", "waiting", "retrain", "none", "recalibrate", "none"]
    assert len(undisturbed.lines) == len(STORY)
    assert "too small to judge" in undisturbed.lines[-1]


def test_it_was_killed_at_every_effect(killed: Played, effects: Effects) -> None:
    expected = {f"{when} {kind}" for when in ("before", "within", "after") for kind in FILES}
    expected |= {f"{when} {kind}" for when in ("before", "after") for kind in OTHERS}
    assert set(effects.killed) == expected
    assert len(effects.killed) == len(expected) == 61


def test_each_batch_is_in_the_ledger_once_with_the_same_decisions(killed: Played, undisturbed: Played) -> None:
    assert killed.ledger == undisturbed.ledger
    assert killed.arrivals == undisturbed.arrivals


def test_each_batch_was_scored_the_same(killed: Played, undisturbed: Played) -> None:
    assert killed.scores.keys() == undisturbed.scores.keys()
    for key, scores in undisturbed.scores.items():
        pd.testing.assert_frame_equal(killed.scores[key], scores)


def test_each_batch_has_one_complete_run(killed: Played, undisturbed: Played) -> None:
    assert len(killed.runs) == len(STORY)
    assert killed.runs == undisturbed.runs
    assert all(tags["outcome"] for _, _, tags in killed.runs)


def test_each_trigger_made_one_version_and_there_is_one_champion(killed: Played, undisturbed: Played) -> None:
    assert killed.versions == undisturbed.versions
    assert [status for _, status, _ in killed.versions.values()].count("champion") == 1
    triggers = [trigger for trigger, _, _ in killed.versions.values()]
    assert len(set(triggers)) == len(triggers) == 3
    assert killed.champions == undisturbed.champions


def test_the_versions_predict_the_same(killed: Played, undisturbed: Played) -> None:
    assert killed.goldens == undisturbed.goldens


def test_the_champion_is_served(killed: Played) -> None:
    assert killed.served == killed.champions[-1][0]
    assert sorted(set(killed.rollouts)) == killed.rollouts, "a version was deployed twice"
