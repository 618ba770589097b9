"""Searches on the real Ray, in a process of their own: what it prints and what it leaves is tested too."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from adapters.ray_search import LOST_WORKER, Progress, SearchSettings, refuse_all_failed, search
from health_predict.errors import InfrastructureError, InputError
from health_predict.families import SPACES, Configuration, Family
from health_predict.trials import SearchData, Trial, TrialResult, conclude

REPOSITORY = Path(__file__).resolve().parents[2]
REPORTS: dict[Family, int] = {"logistic_regression": 3, "random_forest": 3, "xgboost": 30}
GRACE: dict[Family, int] = {"logistic_regression": 1, "random_forest": 1, "xgboost": 3}
BROKEN = {"max_depth": -1}  # XGBoost raises
USELESS = {"min_child_weight": 1e6}  # no split at all: AUROC .5


def generated() -> SearchData:
    rng = np.random.default_rng(0)
    X = rng.standard_normal((900, 8)).astype(np.float32)
    y = (X[:, 0] + X[:, 1] * X[:, 2] + rng.standard_normal(900) > 0).astype(np.int8)
    return SearchData(X[:600], y[:600], X[600:], y[600:])


def configured(family: Family, name: str, **changed: float) -> Configuration:
    return Configuration(name, family, {**SPACES[family].default, **changed}, seed=4)


CONFIGURATIONS = (
    configured("xgboost", "broken", **BROKEN),
    configured("logistic_regression", "logistic"),
    configured("random_forest", "forest"),
    configured("xgboost", "boosted"),
    configured("xgboost", "shallow", max_depth=2),
    configured("xgboost", "useless", **USELESS),
    configured("random_forest", "coarse", min_samples_leaf=30),
    configured("xgboost", "useless again", **USELESS),
)


def settings(storage: Path, progress: Callable[[Progress], None] | None = None) -> SearchSettings:
    return SearchSettings(
        storage, "auroc", REPORTS, GRACE, reduction_factor=3, cpus=2, object_store_mb=100, progress=progress
    )


class Watcher:
    """A progress call-back that, like a progress bar, cannot be pickled, and looks at Ray while it runs."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.seen: list[dict[str, Any]] = []
        self.listening: list[str] = []
        self.session = ""

    def __call__(self, progress: Progress) -> None:
        import ray

        self.seen.append(asdict(progress))
        if not self.session:
            self.session = ray._private.worker._global_node.get_session_dir_path()
            pids = {process.pid for process in psutil.Process().children(recursive=True)} | {os.getpid()}
            sockets = [c for c in psutil.net_connections("tcp") if c.status == "LISTEN" and c.pid in pids]
            self.listening = sorted({c.laddr.ip for c in sockets})


def left_behind(storage: Path, session: str) -> list[str]:
    processes = [p.name() for p in psutil.Process().children(recursive=True)]
    return (
        processes + [str(p) for p in storage.iterdir()] + [p for p in [str(Path(session).parent)] if Path(p).exists()]
    )


def search_to_the_end(storage: Path) -> dict[str, Any]:
    watcher = Watcher()
    results = search(CONFIGURATIONS, generated(), settings(storage, watcher))
    return {
        "results": [asdict(result) for result in results],
        "progress": watcher.seen,
        "listening": watcher.listening,
        "left": left_behind(storage, watcher.session),
    }


def search_interrupted(storage: Path) -> dict[str, Any]:
    watcher = Watcher()

    def interrupt(progress: Progress) -> None:
        watcher(progress)
        signal.raise_signal(signal.SIGINT)

    try:
        search(CONFIGURATIONS, generated(), settings(storage, interrupt))
    except KeyboardInterrupt:
        return {"interrupted": True, "left": left_behind(storage, watcher.session)}
    return {"interrupted": False}


def main(folder: Path) -> None:
    """Search twice in one process, the second time to the end, and write down what happened."""
    storage = folder / "storage"
    storage.mkdir()
    told = {"imported_before": "ray" in sys.modules}
    environment = dict(os.environ)
    told["interrupted"] = search_interrupted(storage)
    told["complete"] = search_to_the_end(storage)
    told["same_environment"] = dict(os.environ) == environment
    (folder / "told.json").write_text(json.dumps(told))


if __name__ == "__main__":
    main(Path(sys.argv[1]))


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("search")
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    # from another folder: workers must find the repository by themselves
    command = [sys.executable, __file__, str(folder)]
    ended = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)
    assert ended.returncode == 0, ended.stderr
    return {**json.loads((folder / "told.json").read_text()), "printed": ended.stdout + ended.stderr}


@pytest.fixture(scope="module")
def results(told: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {result["configuration"]["name"]: result for result in told["complete"]["results"]}


pytestmark = pytest.mark.slow


def test_results_come_in_the_order_of_the_configurations(told: dict[str, Any]) -> None:
    names = [result["configuration"]["name"] for result in told["complete"]["results"]]
    assert names == [configuration.name for configuration in CONFIGURATIONS]


def test_a_failing_trial_says_why_and_does_not_end_the_search(results: dict[str, dict[str, Any]]) -> None:
    reasons = {name: result["stop_reason"] for name, result in results.items()}
    assert [name for name, reason in reasons.items() if reason == "failed"] == ["broken"]
    assert results["broken"]["failure"].startswith("XGBoostError")
    assert "\n" not in results["broken"]["failure"]


def test_asha_stops_poor_trials_at_the_rungs_of_their_family(results: dict[str, dict[str, Any]]) -> None:
    stopped = [result for result in results.values() if result["stop_reason"] == "stopped by ASHA"]
    assert "useless again" in {result["configuration"]["name"] for result in stopped}
    for result in stopped:
        family = result["configuration"]["family"]
        rungs = [GRACE[family] * 3**k for k in range(5)]
        assert len(result["scores"]) in [rung for rung in rungs if rung < REPORTS[family]]


def test_a_finished_trial_has_all_its_reports(results: dict[str, dict[str, Any]]) -> None:
    finished = [result for result in results.values() if result["stop_reason"] == "finished"]
    assert {result["configuration"]["family"] for result in finished} == set(REPORTS)
    assert all(len(r["scores"]) == REPORTS[r["configuration"]["family"]] for r in finished)


def test_scores_are_those_of_the_same_trial_without_ray(results: dict[str, dict[str, Any]]) -> None:
    for configuration in CONFIGURATIONS[1:]:
        result, trial = results[configuration.name], Trial(configuration, generated(), "auroc", threads=1)
        assert result["scores"] == [trial.report() for _ in result["scores"]]
        assert result["score"] == max(result["scores"])
        assert result["size"] == (np.argmax(result["scores"]) + 1) * SPACES[configuration.family].growth


def test_progress_counts_up_to_the_end(told: dict[str, Any]) -> None:
    progress = told["complete"]["progress"]
    done = [event["done"] for event in progress]
    assert done == sorted(done)
    assert (done[-1], progress[-1]["total"]) == (len(CONFIGURATIONS), len(CONFIGURATIONS))
    assert {event["running"] for event in progress} <= {1, 2}
    for result in told["complete"]["results"]:
        if result["stop_reason"] != "failed":
            assert progress[-1]["best"][result["configuration"]["family"]] >= result["score"]


def test_ray_listens_on_this_machine_only(told: dict[str, Any]) -> None:
    assert told["complete"]["listening"]
    assert set(told["complete"]["listening"]) <= {"127.0.0.1", "::1", "::ffff:127.0.0.1"}


def test_nothing_is_printed_or_left_in_the_environment(told: dict[str, Any]) -> None:
    assert told["printed"] == ""
    assert told["same_environment"]
    assert not told["imported_before"]


@pytest.mark.parametrize("search_that", ["interrupted", "complete"])
def test_no_process_and_no_folder_is_left(told: dict[str, Any], search_that: str) -> None:
    assert told[search_that]["left"] == []


def test_an_interrupt_ends_the_search(told: dict[str, Any]) -> None:
    assert told["interrupted"]["interrupted"]


def failed(failure: str) -> TrialResult:
    return conclude(CONFIGURATIONS[0], [], "failed", seconds=0.0, failure=failure)


def test_only_failures_are_an_error() -> None:
    with pytest.raises(InputError, match="all 2 trials of the search failed; the first: ValueError: no"):
        refuse_all_failed([failed("ValueError: no"), failed(LOST_WORKER)])
    with pytest.raises(InfrastructureError, match=r"lower search\.cpus"):
        refuse_all_failed([failed(LOST_WORKER), failed(LOST_WORKER)])


def test_one_trial_that_did_not_fail_is_enough() -> None:
    good = conclude(CONFIGURATIONS[1], [0.6], "stopped by ASHA", seconds=1.0)
    refuse_all_failed([failed("ValueError: no"), good])


def test_a_worker_imports_nothing_heavy() -> None:
    code = "import sys, adapters.ray_trials; print(*{name.partition('.')[0] for name in sys.modules})"
    printed = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True, timeout=120
    ).stdout
    assert {"ray", "xgboost", "sklearn", "health_predict"} <= set(printed.split())
    assert not {"zenml", "mlflow", "evidently", "pandera", "matplotlib", "boto3"} & set(printed.split())


def test_an_address_where_no_cluster_is_names_the_setting(tmp_path: Path) -> None:
    with pytest.raises(InfrastructureError, match=r"search\.ray_address"):
        search(CONFIGURATIONS, generated(), replace(settings(tmp_path), ray_address="127.0.0.1:9"))


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"cpus_per_trial": 3}, "search.cpus_per_trial"),
        ({"max_reports": {**REPORTS, "random_forest": 13}}, "search.max_reports.random_forest"),
        ({"grace": {**GRACE, "xgboost": 0}}, "search.grace.xgboost"),
        ({"reduction_factor": 1}, "search.reduction_factor"),
    ],
)
def test_settings_out_of_range_are_named(tmp_path: Path, changed: dict[str, Any], named: str) -> None:
    with pytest.raises(InputError, match=named):
        search(CONFIGURATIONS, generated(), replace(settings(tmp_path), **changed))


def test_a_search_without_trials_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"search\.trials"):
        search((), generated(), settings(tmp_path))
