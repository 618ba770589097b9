"""From Terraform's outputs to the variables of stacks/aws.yaml."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from health_predict.errors import HealthPredictError
from infra.aws import outputs
from infra.aws.outputs import VARIABLES, read_outputs, variables, write_variables
from stacks.environment import PROJECT
from stacks.value_file import read_values

REGISTRY = "000000000000.dkr.ecr.us-east-1.amazonaws.com/health-predict"


def recorded(**changed: Any) -> dict[str, Any]:
    """What `terraform output -json` prints, with stand-in values."""
    values = {
        "bucket": "health-predict-prod-000000000000-us-east-1",
        "data_volume_id": "vol-0123456789abcdef0",
        "environment": "prod",
        "instance_id": "i-0123456789abcdef0",
        "logs_bucket": "health-predict-prod-000000000000-us-east-1-logs",
        "project": "health-predict",
        "region": "us-east-1",
        "registry": REGISTRY,
        "repositories": ["health-predict", "health-predict/health-predict-server"],
        **changed,
    }
    shape = {str: "string", list: ["list", "string"]}
    return {name: {"sensitive": False, "type": shape[type(value)], "value": value} for name, value in values.items()}


def terraform_that(folder: Path, monkeypatch: pytest.MonkeyPatch, body: str) -> None:
    program = folder / "terraform"
    program.write_text(f"#!/bin/bash\n{body}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=":")


def test_each_output_becomes_its_variable() -> None:
    values = variables(recorded())
    assert values["HEALTH_PREDICT_BUCKET"] == "health-predict-prod-000000000000-us-east-1"
    assert values["HEALTH_PREDICT_REGISTRY"] == REGISTRY
    assert values["HEALTH_PREDICT_REGISTRY_HOST"] == REGISTRY.partition("/")[0]
    assert set(values) == {*VARIABLES, "HEALTH_PREDICT_REGISTRY_HOST"}


def test_terraform_declares_every_output_that_is_asked_for() -> None:
    declared = re.findall(r'^output "(\w+)"', (PROJECT / "infra/terraform/outputs.tf").read_text(), re.MULTILINE)
    assert set(VARIABLES.values()) <= set(declared)
    assert set(recorded()) == set(declared)


@pytest.mark.parametrize(
    ("found", "said", "code"),
    [
        ({}, "Terraform's outputs lack region, bucket", 5),
        ({name: value for name, value in recorded().items() if name != "bucket"}, "lack bucket; run: terraform", 5),
        (recorded(bucket="a bucket"), "output bucket is not a name or an address", 2),
        (recorded(bucket="a\nHEALTH_PREDICT_STATE=/"), "output bucket is not a name or an address", 2),
        (recorded(registry="docker.io/health-predict"), "output registry is not one of ECR", 2),
    ],
)
def test_what_terraform_cannot_have_made_is_refused(found: dict[str, Any], said: str, code: int) -> None:
    with pytest.raises(HealthPredictError, match=re.escape(said)) as error:
        variables(found)
    assert error.value.exit_code == code


def test_the_file_is_what_a_stack_file_reads(tmp_path: Path) -> None:
    file = tmp_path / "state" / "aws.env"
    write_variables(variables(recorded()), file)
    assert read_values(file) == variables(recorded())
    assert [path.name for path in file.parent.iterdir()] == ["aws.env"]


def test_main_writes_into_the_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HEALTH_PREDICT_STATE", str(tmp_path / "state"))
    (tmp_path / "outputs.json").write_text(json.dumps(recorded()))
    terraform_that(tmp_path, monkeypatch, f'[ "$2 $3" = "output -json" ] && cat {tmp_path}/outputs.json')
    assert outputs.main() == 0
    assert capsys.readouterr().out == f"written: {tmp_path}/state/aws.env\n"
    assert (tmp_path / "state" / "aws.env").exists()


def test_a_state_that_cannot_be_read_names_reason_and_cure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    terraform_that(tmp_path, monkeypatch, "echo '│ Error: Backend initialization required' >&2; exit 1")
    with pytest.raises(HealthPredictError, match=r"Backend initialization required\); run: terraform"):
        read_outputs(tmp_path)


def test_without_terraform_the_cure_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(HealthPredictError, match="terraform is not installed"):
        read_outputs()
