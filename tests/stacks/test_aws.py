"""The stack `aws` as its file describes it, on a store that has never heard of AWS; nothing of it is reached."""

import re

import pytest
import yaml

from health_predict.errors import InfrastructureError
from stacks.apply import AppliedStack, apply_stack
from stacks.stack_file import STACKS
from tests.stacks.compiling import AWS_VARIABLES, compiled, graph, write_aws_files
from tests.stacks.own_store import Store

TEXT = (STACKS / "aws.yaml").read_text()
COMPONENTS = yaml.safe_load(TEXT)["components"]
SECRET_FIELDS = {"password", "tracking_password"}


def test_without_terraforms_outputs_the_missing_file_is_named(store: Store) -> None:
    with pytest.raises(InfrastructureError, match=r"aws\.env: .* is not there"):
        apply_stack("aws", activate=False)


@pytest.fixture(scope="module")
def applied(store: Store) -> AppliedStack:
    write_aws_files(store.state)
    return apply_stack("aws", activate=False)


def test_it_registers_and_a_second_time_changes_nothing(applied: AppliedStack) -> None:
    assert "created stack aws" in applied.changes
    assert apply_stack("aws", activate=False).changes == ()


def test_what_terraform_made_is_where_the_components_look(applied: AppliedStack) -> None:
    from zenml.client import Client
    from zenml.stack import Stack

    stack = Stack.from_model(Client().get_stack(applied.id))
    assert stack.artifact_store.path == f"s3://{AWS_VARIABLES['HEALTH_PREDICT_BUCKET']}"
    registry = stack.container_registry.config
    image = f"{registry.uri}/{registry.default_repository}"
    assert image == AWS_VARIABLES["HEALTH_PREDICT_REGISTRY"]
    assert stack.orchestrator.config.operator == "docker"
    flavors = {kind.value: component.flavor for kind, component in stack.components.items() if kind != "log_store"}
    assert flavors == {kind: entry["flavor"] for kind, entry in COMPONENTS.items()}


def test_no_secret_and_no_key_of_aws_stands_in_the_file() -> None:
    for component in COMPONENTS.values():
        for key, value in component.get("configuration", {}).items():
            if key in SECRET_FIELDS:
                assert value.startswith("{{health_predict_services."), key
    assert "key" not in COMPONENTS["artifact_store"]["configuration"]
    assert "AWS_ACCESS_KEY_ID" not in TEXT


def test_uploads_ask_for_the_encryption_that_the_bucket_demands() -> None:
    policy = (STACKS.parent / "infra" / "terraform" / "storage.tf").read_text()
    asked = COMPONENTS["artifact_store"]["configuration"]["s3_additional_kwargs"]["ServerSideEncryption"]
    allowed = re.search(r's3:x-amz-server-side-encryption"\s+values\s*= \["(.+)"\]', policy)
    assert allowed
    assert allowed[1] == asked


@pytest.mark.parametrize("name", ["aws", "minikube"])
def test_the_pipelines_compile_as_they_do_for_one_machine(applied: AppliedStack, name: str) -> None:
    apply_stack(name, activate=False)
    here, there = compiled("local"), compiled(name)
    assert sorted(there) == [
        "health_predict_api_deployment",
        "health_predict_monitoring_retraining",
        "health_predict_training_hpo",
    ]
    for name, snapshot in there.items():
        assert graph(snapshot) == graph(here[name])
        assert len(snapshot.step_configurations) >= 4
