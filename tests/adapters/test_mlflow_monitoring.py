from contextlib import suppress

import mlflow
import pytest
from mlflow import MlflowClient

from adapters.mlflow_monitoring import EXPERIMENT, MonitoringRuns
from health_predict.errors import InfrastructureError, InputError
from health_predict.monitoring.ledger import Entry
from tests.health_predict.monitoring.invented_ledger import identifier, ledger

BATCHES = ledger(60, seed=5)
CALLS = ("create_run", "search_runs", "log_batch", "set_terminated")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """One real sqlite store for all tests, each of which takes other batches."""
    folder = tmp_path_factory.mktemp("mlflow")
    client = MlflowClient(*[f"sqlite:///{folder}/mlflow.db"] * 2)
    client.create_experiment(EXPERIMENT, artifact_location=(folder / "artifacts").as_uri())
    yield client
    mlflow.set_tracking_uri(None)


@pytest.fixture(scope="module")
def runs(store) -> MonitoringRuns:
    return MonitoringRuns(store.tracking_uri, patience=1)


def log(runs: MonitoringRuns, entry: Entry, **changed) -> str:
    return runs.log_check(entry, {**entry.records["checked"], **changed}, false_alarm_rate=0.01)


def of_batch(store, entry: Entry) -> list:
    experiment = store.get_experiment_by_name(EXPERIMENT).experiment_id
    return store.search_runs([experiment], f"tags.batch = '{entry.batch}'")


def test_a_batch_has_one_run_with_its_figures(store, runs) -> None:
    entry = BATCHES.entries[2]
    run_id = log(runs, entry)
    (run,) = of_batch(store, entry)
    assert (run.info.run_id, run.info.run_name, run.info.status) == (run_id, f"002-{identifier(2)}", "FINISHED")
    assert run.data.params["model_version"] == "1"
    assert run.data.metrics["expected_auroc"] == 0.68
    assert run.data.tags["batch_index"] == "000002"
    assert run.data.tags["verdict"] in ("DRIFT_DETECTED", "NO_DRIFT")


def test_a_finished_run_stays_as_it_is(store, runs) -> None:
    entry = BATCHES.entries[3]
    assert log(runs, entry) == log(runs, entry, labelled="other")
    (run,) = of_batch(store, entry)
    assert run.data.params["labelled_batch"] == identifier(2)


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("call", CALLS)
def test_a_check_killed_at_any_call_is_logged_once(store, monkeypatch, call, moment) -> None:
    entry = BATCHES.entries[10 + 2 * CALLS.index(call) + (moment == "after")]
    real = getattr(MlflowClient, call)

    def killed(*args, **options):
        if moment == "after":
            real(*args, **options)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(MlflowClient, call, killed)
        with pytest.raises(KeyboardInterrupt):
            log(MonitoringRuns(store.tracking_uri, patience=1), entry)
    run_id = log(MonitoringRuns(store.tracking_uri, patience=1), entry)
    (run,) = of_batch(store, entry)
    assert (run.info.run_id, run.info.status) == (run_id, "FINISHED")
    assert len(store.get_metric_history(run_id, "expected_auroc")) == 1
    assert "verdict" in run.data.tags


def test_a_creation_whose_answer_was_lost_leaves_no_second_run(store, runs, monkeypatch) -> None:
    entry, real, made = BATCHES.entries[30], MlflowClient.create_run, []

    def answered_late(*args, **options):
        made.append(real(*args, **options))
        if len(made) == 1:
            raise ConnectionError
        return made[-1]

    monkeypatch.setattr(MlflowClient, "create_run", answered_late)
    run_id = log(runs, entry)
    assert len(made) == 2
    assert [run.info.run_id for run in of_batch(store, entry)] == [run_id]


def test_an_unfinished_run_with_other_values_is_told(store, runs, monkeypatch) -> None:
    entry = BATCHES.entries[31]
    with monkeypatch.context() as patched, suppress(KeyboardInterrupt):
        patched.setattr(MlflowClient, "set_terminated", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        log(runs, entry)
    with pytest.raises(InputError, match=f"batch {entry.batch} holds other values.*delete the run"):
        log(runs, entry, labelled="other")


def test_the_outcome_is_added_once_and_for_all(store, runs) -> None:
    entry = BATCHES.entries[8]
    run_id = log(runs, entry)
    for _ in range(2):
        runs.log_outcome(run_id, entry)
    tags = store.get_run(run_id).data.tags
    assert (tags["action"], tags["outcome"]) == ("retrain", "refused")
    assert store.get_run(run_id).info.status == "FINISHED"


def test_the_outcome_of_a_run_that_was_deleted_is_told(runs) -> None:
    with pytest.raises(InputError, match=r"MLflow has no run 0123 of batch .*; was it deleted\?"):
        runs.log_outcome("0123", BATCHES.entries[8])


def test_a_store_without_the_experiment_is_told_the_cure(tmp_path) -> None:
    with pytest.raises(InputError, match=f"no experiment {EXPERIMENT}; run `python -m stacks.apply"):
        log(MonitoringRuns(f"sqlite:///{tmp_path}/other.db", patience=1), BATCHES.entries[0])
    assert not (tmp_path / "mlruns").exists()


def test_a_store_that_knows_its_place_gets_the_experiment_made_and_restored(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    uri, entry = (tmp_path / "runs").as_uri(), BATCHES.entries[40]
    first, client = log(MonitoringRuns(uri, patience=1), entry), MlflowClient(uri, uri)
    client.delete_experiment(client.get_experiment_by_name(EXPERIMENT).experiment_id)
    log(MonitoringRuns(uri, patience=1), BATCHES.entries[41])
    assert client.get_experiment_by_name(EXPERIMENT).lifecycle_stage == "active"
    assert client.get_run(first).data.tags["batch"] == entry.batch


def test_mlflow_that_cannot_be_reached_is_an_infrastructure_error() -> None:
    with pytest.raises(InfrastructureError, match=r"MLflow at http://127.0.0.1:9 failed"):
        log(MonitoringRuns("http://127.0.0.1:9", patience=0.2), BATCHES.entries[0])
