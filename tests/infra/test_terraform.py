"""What terraform itself says of the files. Without the AWS provider, variables and user data are run alone."""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from stacks.environment import PROJECT
from tests.infra.terraform_files import FOLDER, committed

pytestmark = pytest.mark.infra

TESTS = FOLDER / "tests"
PROVIDER = FOLDER / ".terraform" / "providers"
MACHINE = PROJECT / "infra" / "aws" / "machine"
# what user_data.tf takes from resources, which only AWS could make
MADE = {
    "aws_ebs_volume.data.id": '"vol-0123456789abcdef0"',
    "aws_s3_bucket.data.bucket": '"the-bucket"',
    "local.registry_host": '"000000000000.dkr.ecr.us-east-1.amazonaws.com"',
}
OWNER = {
    "owner": "a tester",
    "budget_emails": ["owner@example.org"],
    "repository_url": "https://example.org/health-predict",
    "repository_commit": "0123456789abcdef0123456789abcdef01234567",
}


def terraform(what: str, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    program = shutil.which("terraform")
    if program is None:
        pytest.skip(f"NOT RUN: terraform {what}: there is no terraform here")
    known = {name: value for name, value in os.environ.items() if not name.startswith(("TF_", "AWS_"))}
    return subprocess.run(
        [program, f"-chdir={folder}", *arguments],
        env={**known, "CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1"},
        capture_output=True,
        text=True,
        timeout=150,
        stdin=subprocess.DEVNULL,
    )


def with_provider(what: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    if not PROVIDER.is_dir():
        cure = "terraform -chdir=infra/terraform init -backend=false"
        pytest.skip(f"NOT RUN: terraform {what}: the AWS provider is not there; with a network: {cure}")
    return terraform(what, FOLDER, *arguments)


@pytest.fixture
def alone(tmp_path: Path) -> Path:
    """A module of variables.tf and the user data, which needs no provider."""
    module = tmp_path / "terraform"
    (module / "tests").mkdir(parents=True)
    (tmp_path / "aws").symlink_to(PROJECT / "infra" / "aws")
    for name in ("variables.tf", "first_boot.sh.tftpl"):
        shutil.copy(FOLDER / name, module)
    text = (FOLDER / "user_data.tf").read_text()
    for resource, value in MADE.items():
        assert resource in text
        text = text.replace(resource, value)
    (module / "user_data.tf").write_text(text)
    outputs = {"first_boot": "first_boot", "packed": "user_data"}
    lines = (f'output "{name}" {{\n  value = local.{local}\n}}\n' for name, local in outputs.items())
    (module / "outputs.tf").write_text("".join(lines))
    (module / "terraform.tfvars.json").write_text(json.dumps(OWNER))
    return module


def test_the_files_are_formatted() -> None:
    done = terraform("fmt", FOLDER, "fmt", "-check", "-recursive", "-diff")
    assert (done.returncode, done.stdout) == (0, "")


def test_the_files_are_valid() -> None:
    done = with_provider("validate", "validate", "-json")
    assert json.loads(done.stdout)["valid"], done.stdout


def test_their_own_tests_pass() -> None:
    done = with_provider("test", "test", "-no-color")
    assert done.returncode == 0, done.stdout + done.stderr


def test_variables_refuse_what_they_should(alone: Path) -> None:
    text = (TESTS / "variables.tftest.hcl").read_text()
    (alone / "tests" / "variables.tftest.hcl").write_text(text.replace('mock_provider "aws" {}\n', ""))
    assert terraform("init", alone, "init", "-no-color").returncode == 0
    done = terraform("test", alone, "test", "-no-color")
    runs = re.findall(r'^run "', text, re.MULTILINE)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(runs)} passed, 0 failed" in done.stdout


def test_every_rule_of_a_variable_has_a_run_that_breaks_it() -> None:
    refused = set(re.findall(r"expect_failures = \[var\.(\w+)\]", (TESTS / "variables.tftest.hcl").read_text()))
    ruled = {name for name, variable in committed().named("variable").items() if "validation" in variable}
    assert refused == ruled


def test_the_first_boot_is_a_script_that_holds_the_others(alone: Path) -> None:
    assert terraform("init", alone, "init", "-no-color").returncode == 0
    done = terraform("apply", alone, "apply", "-auto-approve", "-no-color")
    assert done.returncode == 0, done.stdout + done.stderr
    outputs = json.loads(terraform("output", alone, "output", "-json").stdout)
    script = outputs["first_boot"]["value"]
    for name in ("data-disk.sh", "install-tools.sh"):
        assert (MACHINE / name).read_text() in script
    assert "bash \"$tools/data-disk.sh\" 'vol-0123456789abcdef0'" in script
    assert f"checkout --quiet --detach '{OWNER['repository_commit']}'" in script
    assert len(outputs["packed"]["value"]) < 16384  # EC2 refuses more
    shellcheck = Path(sys.executable).with_name("shellcheck")
    found = subprocess.run([shellcheck, "-"], input=script, capture_output=True, text=True)
    assert found.stdout == ""


def test_every_step_may_write_below_its_name() -> None:
    """ZenML puts what a step returns there; a step that the role does not know would fail on AWS alone."""
    steps = {
        node.name
        for path in (PROJECT / "steps").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef) and any("step" in ast.unparse(mark) for mark in node.decorator_list)
    }
    named = set(re.findall(r'"(\w+)"', str(committed().locals()["working_prefixes"])))
    assert len(steps) > 20
    assert steps - named == set(), "add them to working_prefixes in infra/terraform/identity.tf"
    assert named - steps == {"logs", "custom_artifacts"}


def test_what_the_pipelines_write_by_themselves_has_its_prefix() -> None:
    files = [path.read_text() for folder in ("adapters", "driver") for path in (PROJECT / folder).glob("*.py")]
    kept = committed().locals()["kept_prefixes"]
    written = {"raw_data", "processed_data", "current_batch_for_monitoring", "drift_reports", "monitoring"}
    assert {prefix for prefix in written if any(prefix in text for text in files)} == written
    assert set(kept) == {*written, "mlflow"}


def test_repositories_are_those_that_are_pushed_to() -> None:
    server = re.findall(r"repository: (\S+)", (PROJECT / "configs" / "deploy.yaml").read_text())
    registry = yaml.safe_load((PROJECT / "stacks" / "aws.yaml").read_text())["components"]["container_registry"]
    assert committed().named("variable")["repositories"]["default"] == server
    # steps go to the default one, the server below it
    assert registry["configuration"]["default_repository"] == "${HEALTH_PREDICT_PROJECT_TAG}"
    assert "var.project" in str(committed().locals()["repositories"])


def test_no_state_plan_or_value_file_is_committed() -> None:
    done = subprocess.run(["git", "ls-files", "infra"], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert [name for name in done.stdout.split() if re.search(r"tfstate|tfplan|\.tfvars$|\.terraform/", name)] == []
