import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from health_predict.errors import InfrastructureError, InputError
from stacks.apply import apply_stack, main
from stacks.stack_file import PROJECT, STACKS
from tests.stacks.own_store import FOREIGN, Store, forget_clients

LOCAL = yaml.safe_load((STACKS / "local.yaml").read_text())
PLAIN = "hunter2"
TINY = {"name": "tiny_one", "flavor": "tiny"}


def _file(folder: Path, name: str, components: dict, **more: object) -> Path:
    """A stack of the local orchestrator and store plus `components`."""
    base = {kind: LOCAL["components"][kind] for kind in ("orchestrator", "artifact_store")}
    (folder / f"{name}.yaml").write_text(yaml.safe_dump({"components": {**base, **components}, **more}))
    return folder


def _tracker(**configuration: object) -> dict:
    return {"name": "t", "flavor": "mlflow", "configuration": configuration}


def _rows(store: Store) -> list[tuple]:
    """All that applying a stack may change."""
    database = store.state / "zenml" / "local_stores" / "default_zen_store" / "zenml.db"
    with closing(sqlite3.connect(database)) as connection:
        tables = ("stack", "stack_component", "stack_composition", "flavor")
        return [row for table in tables for row in connection.execute(f"SELECT * FROM {table}")]  # noqa: S608


def test_first_apply_makes_and_activates_the_stack(store: Store) -> None:
    from zenml.client import Client

    assert store.first.active
    assert store.first.tracking_uri == f"sqlite:///{store.state}/mlflow/mlflow.db"
    stack = Client().active_stack_model
    assert (stack.id, stack.name) == (store.first.id, "local")
    flavors = {kind.value: found[0].flavor_name for kind, found in stack.components.items()}
    assert flavors == {kind: entry["flavor"] for kind, entry in LOCAL["components"].items()}


def test_the_active_stack_works_in_code(store: Store) -> None:
    from zenml.client import Client

    stack = Client().active_stack
    assert stack.artifact_store.path == f"{store.state}/artifacts"
    assert stack.experiment_tracker.config.tracking_uri == store.first.tracking_uri


def test_experiments_keep_their_artifacts_in_the_state_folder(store: Store) -> None:
    with closing(sqlite3.connect(store.state / "mlflow" / "mlflow.db")) as connection:
        found = dict(connection.execute("SELECT name, artifact_location FROM experiments"))
    assert found["HealthPredict_Training"] == f"{store.state}/mlflow/artifacts/training"
    assert found["HealthPredict_Monitoring"] == f"{store.state}/mlflow/artifacts/monitoring"


def test_a_second_apply_changes_nothing(store: Store) -> None:
    before = _rows(store)
    again = apply_stack("local", activate=True)
    assert (again.changes, again.id, again.active) == ((), store.first.id, True)
    assert _rows(store) == before


def test_the_users_other_store_is_untouched(store: Store) -> None:
    apply_stack("local", activate=True)
    files = {str(path.relative_to(store.home)): path.read_text() for path in store.home.rglob("*") if path.is_file()}
    assert files == FOREIGN


def test_a_changed_file_updates_removes_and_leaves_the_active_stack(store: Store, tmp_path: Path) -> None:
    from zenml.client import Client

    tracker = {"name": "t1", "flavor": "mlflow", "configuration": {"tracking_uri": "sqlite:////a.db", "nested": True}}
    validator = {"data_validator": {"name": "v1", "flavor": "evidently"}}
    folder = _file(tmp_path, "changing", {"experiment_tracker": tracker, **validator})
    apply_stack("changing", activate=False, folder=folder)
    tracker["configuration"] = {"tracking_uri": "sqlite:////b.db"}
    _file(tmp_path, "changing", {"experiment_tracker": tracker})
    second = apply_stack("changing", activate=False, folder=folder)
    assert second.changes == ("updated experiment_tracker t1", "updated stack changing")
    stack = Client().get_stack("changing")
    kinds = {kind.value: found[0] for kind, found in stack.components.items() if found}
    assert set(kinds) == {"orchestrator", "artifact_store", "experiment_tracker"}
    assert kinds["experiment_tracker"].configuration == {"tracking_uri": "sqlite:////b.db"}
    assert (second.active, Client().active_stack_model.name) == (False, "local")


@pytest.mark.parametrize(
    ("components", "more", "message"),
    [
        ({"experiment_tracer": TINY}, {}, "no such component type; did you mean 'experiment_tracker'?"),
        ({"experiment_tracker": {"name": "t", "flavor": "mlflo"}}, {}, "no flavor 'mlflo'; did you mean 'mlflow'?"),
        (
            {"experiment_tracker": _tracker(tracking_url="x")},
            {},
            "configuration: unknown key 'tracking_url'; did you mean 'tracking_uri'?",
        ),
        (
            {"experiment_tracker": _tracker(tags=3)},
            {},
            "configuration.tags: Input should be a valid dictionary",
        ),
        (
            {"experiment_tracker": _tracker(tracking_password=PLAIN)},
            {},
            "configuration.tracking_password: a secret; write a reference {{secret_name.key}} (zenml secret create)",
        ),
        (
            {"experiment_tracker": _tracker(tracking_uri=f"http://u:{PLAIN}@h")},
            {},
            "configuration.tracking_uri: holds credentials in an address; give them as ZenML secrets",
        ),
        (
            {"orchestrator": {"name": "local_orchestrator", "flavor": "local_docker"}},
            {},
            "the store has 'local_orchestrator' with flavor 'local', not this one",
        ),
        ({}, {"flavors": ["tests.stacks.no_such.Flavor"]}, "cannot import 'tests.stacks.no_such.Flavor'"),
        ({}, {"flavors": ["tests.stacks.tiny_flavor.TinyConfig"]}, "is not a ZenML Flavor class"),
        (
            {},
            {"flavors": ["tests.stacks.tiny_flavor.TakenFlavor"]},
            "takes the name 'seldon' of a flavor that ZenML brings",
        ),
        ({}, {"mlflow_experiments": {"E": "/x"}}, "needs an experiment tracker with tracking_uri sqlite:///"),
    ],
)
def test_any_fault_is_found_before_anything_changes(
    store: Store, tmp_path: Path, components: dict, more: dict, message: str
) -> None:
    before = _rows(store)
    image_builder = {"image_builder": {"name": "valid_and_first", "flavor": "local"}}
    with pytest.raises(InputError) as caught:
        apply_stack("bad", activate=True, folder=_file(tmp_path, "bad", {**image_builder, **components}, **more))
    assert message in str(caught.value)
    assert "bad.yaml: " in str(caught.value)
    assert PLAIN not in str(caught.value)
    assert _rows(store) == before


def test_a_secret_reference_and_a_null_secret_are_accepted(store: Store, tmp_path: Path) -> None:
    from zenml.client import Client

    seldon = {"kubernetes_context": "minikube", "kubernetes_namespace": "hp", "base_url": "http://127.0.0.1:8003"}
    seldon |= {"secret": None, "kubernetes_secret_name": None}
    s3 = {"path": "s3://b/zen", "key": "{{minio.key}}", "secret": "{{minio.secret}}", "client_kwargs": {"a": {"b": 1}}}
    components = {
        "artifact_store": {"name": "s3_one", "flavor": "s3", "configuration": s3},
        "model_deployer": {"name": "seldon_one", "flavor": "seldon", "configuration": seldon},
    }
    folder = _file(tmp_path, "remote", components)
    apply_stack("remote", activate=False, folder=folder)
    assert apply_stack("remote", activate=False, folder=folder).changes == ()
    assert Client().get_stack("remote").components["artifact_store"][0].configuration == s3


def test_a_custom_flavor_is_registered_once_and_then_used(store: Store, tmp_path: Path) -> None:
    from zenml.client import Client

    flavors = ["tests.stacks.tiny_flavor.TinyFlavor"]
    folder = _file(tmp_path, "custom", {"model_deployer": {**TINY, "configuration": {"port": 9000}}}, flavors=flavors)
    first = apply_stack("custom", activate=False, folder=folder)
    assert "registered flavor tiny" in first.changes
    assert apply_stack("custom", activate=False, folder=folder).changes == ()
    from zenml.stack import StackComponent

    component = StackComponent.from_model(Client().get_stack("custom").components["model_deployer"][0])
    assert (type(component).__name__, component.config.port) == ("TinyDeployer", 9000)


def test_a_moved_state_folder_is_told_before_runs_write_elsewhere(store: Store, tmp_path: Path) -> None:
    tracker = {"name": "local_mlflow", "flavor": "mlflow", "configuration": {"tracking_uri": store.first.tracking_uri}}
    experiments = {"HealthPredict_Training": "/elsewhere"}
    folder = _file(tmp_path, "moved", {"experiment_tracker": tracker}, mlflow_experiments=experiments)
    with pytest.raises(
        InputError, match=r"HealthPredict_Training: .* keeps its artifacts in .*/mlflow/artifacts/training"
    ):
        apply_stack("moved", activate=False, folder=folder)


def test_a_deleted_experiment_comes_back(store: Store) -> None:
    with closing(sqlite3.connect(store.state / "mlflow" / "mlflow.db")) as connection:
        connection.execute("UPDATE experiments SET lifecycle_stage = 'deleted' WHERE name = 'HealthPredict_Monitoring'")
        connection.commit()
    assert apply_stack("local", activate=True).changes == ("restored MLflow experiment HealthPredict_Monitoring",)


@pytest.fixture
def other_place(store: Store, tmp_path: Path):
    """The process turned to another state folder for one test."""
    before = dict(os.environ)
    os.environ["HEALTH_PREDICT_STATE"] = str(tmp_path / "other")
    forget_clients()
    yield tmp_path / "other"
    os.environ.clear()
    os.environ.update(before)
    forget_clients()


def test_an_unreachable_server_is_one_line_soon(other_place: Path) -> None:
    os.environ["ZENML_STORE_URL"] = "http://127.0.0.1:9"
    with pytest.raises(InfrastructureError, match=r"the ZenML server http://127.0.0.1:9 does not"):
        apply_stack("local", activate=True)
    assert not (other_place / "zenml").exists()


def test_a_damaged_store_is_one_line(other_place: Path) -> None:
    database = other_place / "zenml" / "local_stores" / "default_zen_store" / "zenml.db"
    database.parent.mkdir(parents=True)
    database.write_text("not a database")
    with pytest.raises(InfrastructureError, match=r"the ZenML store sqlite:.* failed: .*file is not a database"):
        apply_stack("local", activate=True)


def test_a_state_folder_that_cannot_be_written_is_one_line(other_place: Path) -> None:
    other_place.write_text("a file")
    with pytest.raises(
        InfrastructureError, match=r"the state folder .*/other cannot be written: .*; set HEALTH_PREDICT_STATE"
    ):
        apply_stack("local", activate=True)


def test_command_line_prints_one_line(store: Store) -> None:
    done = CliRunner().invoke(main, ["local", "--activate"])
    assert (done.exit_code, done.output) == (0, "stack local (active): nothing to change\n")


def test_command_line_fails_with_one_line_and_exit_code_2() -> None:
    command = [sys.executable, "-m", "stacks.apply", "loca"]
    run = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True)
    assert (run.returncode, run.stderr) == (2, "error: there is no stack 'loca'; did you mean 'local'?\n")
