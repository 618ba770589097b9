"""One code for all stacks: the same results on one machine and on Airflow, and a graph that compiles for the others."""

import re
from typing import Any

import pytest
import yaml

from stacks.stack_file import STACKS, stack_names
from tests.pipelines.conftest import ROOT, SMALL
from tests.stack.installation import Installation

pytestmark = pytest.mark.stack
CODE = sorted(path for folder in ("steps", "pipelines") for path in (ROOT / folder).rglob("*.py"))


def test_no_step_or_pipeline_names_a_stack_or_component() -> None:
    words = names_of_stacks_and_components()
    assert {"airflow", "aws", "minikube", "local_mlflow", "seldon_local", "airflow_steps"} <= words
    for path in CODE:
        found = {word for word in words if re.search(rf"\b{word}\b", path.read_text(), re.IGNORECASE)}
        assert not found, f"{path.relative_to(ROOT)} names {found}"


@pytest.fixture(scope="module")
def on_one_machine(installation: Installation, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """The three pipelines on the stack `local`, with the commands that the other tests give on `airflow`."""
    own = Installation(tmp_path_factory.mktemp("local") / "state", installation.s3_url, installation.data, "local")
    size = ("--batches", "1", "--batch-size", "5000")
    for command in (("train", *SMALL), ("deploy",), ("monitor", *size)):
        done = own.run("--pipeline", *command)
        assert done.code == 0, done.errors
    own.run("--stop-endpoint")
    return own


def test_results_are_the_same(
    installation: Installation, on_one_machine: Installation, first_batch: dict[str, Any]
) -> None:
    assert scores(on_one_machine) == pytest.approx(scores(installation), rel=1e-9)
    here, there = (each.ask("ledger")["entries"][0]["records"] for each in (on_one_machine, installation))
    assert here["scored"]["mean"] == pytest.approx(there["scored"]["mean"], rel=1e-9)
    assert here["checked"]["verdict"]["verdict"] == there["checked"]["verdict"]["verdict"] == first_batch["verdict"]


def test_they_compile_for_the_stacks_that_are_out_of_reach(
    installation: Installation, on_one_machine: Installation, first_batch: dict[str, Any]
) -> None:
    assert first_batch["batches"], "the three have run on Airflow"
    graphs = on_one_machine.ask("graphs", "local", "minikube", "aws")
    assert graphs["local"] == graphs["minikube"] == graphs["aws"]
    for pipeline, steps in graphs["local"].items():
        run = installation.ask("runs", pipeline)[0]["name"]
        assert sorted(installation.ask("run", run)["steps"]) == sorted(steps)


def scores(installation: Installation) -> dict[str, float]:
    run = installation.ask("runs", "health_predict_training_hpo")[0]["name"]
    parts = installation.ask("output", run, "evaluate_model", "evaluation")["parts"]
    return {f"{part['name']} {name}": m["value"] for part in parts for name, m in part["metrics"].items()}


def names_of_stacks_and_components() -> set[str]:
    """Names and flavors in all stack files, but for words of every day, such as the flavor `default`."""
    described = [yaml.safe_load((STACKS / f"{name}.yaml").read_text())["components"] for name in stack_names()]
    components = [component for stack in described for component in stack.values()]
    given = {component[key] for component in components for key in ("name", "flavor")}
    return {*stack_names(), *given} - {"local", "default", "mlflow", "evidently", "seldon", "s3"}
