"""What applying a stack file would change, asked without changing it."""

from pathlib import Path

import yaml

from stacks import registration
from stacks.apply import apply_stack
from stacks.stack_file import STACKS, read_stack
from tests.stacks.own_store import Store

LOCAL = yaml.safe_load((STACKS / "local.yaml").read_text())["components"]


def pending(folder: Path, name: str, components: dict) -> list[str]:
    (folder / f"{name}.yaml").write_text(yaml.safe_dump({"components": components}))
    client, stack = registration.open_store(), read_stack(name, folder)
    return registration.pending(client, stack, registration.check(client, stack))


def test_nothing_is_pending_once_a_file_is_applied_and_every_difference_is_named(store: Store, tmp_path: Path) -> None:
    tracker = {"name": "mine", "flavor": "mlflow", "configuration": {"tracking_uri": "sqlite:////tmp/1.db"}}
    applied = {kind: LOCAL[kind] for kind in ("orchestrator", "artifact_store")} | {"experiment_tracker": tracker}
    assert pending(tmp_path, "mine", applied) == ["stack mine is not registered"]
    apply_stack("mine", activate=False, folder=tmp_path)
    assert pending(tmp_path, "mine", applied) == []
    moved = {**tracker, "configuration": {"tracking_uri": "sqlite:////tmp/2.db"}}
    for _ in range(2):  # the first question has changed nothing
        found = pending(tmp_path, "mine", {**applied, "experiment_tracker": moved})
        assert found == ["experiment_tracker mine differs from the file"]
    less = {kind: entry for kind, entry in applied.items() if kind != "experiment_tracker"}
    assert pending(tmp_path, "mine", less) == ["experiment_tracker is not in the file"]
    more = {**applied, "data_validator": LOCAL["data_validator"]}
    assert pending(tmp_path, "mine", more) == ["data_validator local_evidently differs from the file"]
