"""Linters over everything below infra/, the server's Dockerfile and the YAML files; they come from .venv-infra."""

import json
import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.compose.project import Compose, find_compose, variables_of
from infra.service_secrets import prepare_secrets
from infra.service_settings import read_settings
from stacks.environment import PROJECT

pytestmark = pytest.mark.infra

BIN = PROJECT / ".venv-infra" / "bin"
SKIP = re.compile(r"#\s*checkov:skip=(\w+)(?::(.*))?")
FRAMEWORKS = ("terraform", "dockerfile", "kubernetes", "secrets")
EXTRA = PROJECT / "infra" / "aws" / "compose.yaml"


def committed(*patterns: str) -> list[Path]:
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns]
    listed = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True)
    return [PROJECT / name for name in sorted(listed.stdout.split())]


def linter(name: str, *arguments: str | Path, cwd: Path = PROJECT) -> subprocess.CompletedProcess[str]:
    assert (BIN / name).exists(), f"{name} is not in .venv-infra; run: make test-infra"
    # offline: no key of the vendor's platform, no look-up of modules or policies
    environment = {"PATH": os.environ["PATH"], "HOME": str(PROJECT / ".state"), "LOG_LEVEL": "ERROR"}
    return subprocess.run(
        [BIN / name, *arguments], cwd=cwd, env=environment, capture_output=True, text=True, timeout=170
    )


@cache
def scan() -> list[dict[str, Any]]:
    """What checkov finds, an entry for each framework and folder. It takes ten seconds to begin, so it begins once."""
    folders = [option for folder in ("infra", "serving") for option in ("--directory", folder)]
    options = ["--framework", *FRAMEWORKS, "--output", "json", "--quiet", "--compact", "--skip-download"]
    done = linter("checkov", *folders, *options)
    answers = [json.loads(text) for text in _documents(done.stdout)]
    assert answers, done.stderr
    return [entry for answer in answers for entry in (answer if isinstance(answer, list) else [answer])]


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_checkov_finds_nothing(framework: str) -> None:
    failed = [
        f"{check['file_path']}: {check['check_id']} {check['check_name']} ({check['resource']})"
        for entry in scan()
        if entry.get("check_type") == framework
        for check in entry.get("results", {}).get("failed_checks", [])
    ]
    assert failed == []


def test_checkov_looked_at_what_there_is() -> None:
    passed = {
        framework: sum(entry["summary"]["passed"] for entry in scan() if entry.get("check_type") == framework)
        for framework in FRAMEWORKS
    }
    assert passed["terraform"] > 100
    assert passed["dockerfile"] > 100
    assert passed["kubernetes"] > 0


def test_every_skip_of_checkov_says_why() -> None:
    skips = [
        (path.name, match)
        for path in committed("infra", "serving/Dockerfile")
        if path.suffix in (".tf", ".yaml", "") or path.name.endswith("Dockerfile")
        for match in SKIP.finditer(path.read_text())
    ]
    assert skips
    assert [f"{name}: {match[1]}" for name, match in skips if len((match[2] or "").split()) < 4] == []


def test_hadolint_finds_nothing() -> None:
    done = linter("hadolint", "--no-color", "--failure-threshold", "warning", *committed("*Dockerfile"))
    assert done.returncode == 0, done.stdout


def test_yamllint_finds_nothing() -> None:
    done = linter("yamllint", "--strict", "--format", "parsable", *committed("*.yaml", "*.yml"))
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize(
    "folder", sorted({path.parent for path in committed("infra/**.sh")}), ids=lambda path: path.name
)
def test_shellcheck_finds_nothing(folder: Path) -> None:
    shellcheck = Path(sys.executable).with_name("shellcheck")
    scripts = sorted(folder.glob("*.sh"))
    options = ["--external-sources", "--source-path", "SCRIPTDIR", "--severity", "warning"]
    done = subprocess.run([shellcheck, *options, *scripts], cwd=folder, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize(
    ("name", "file", "text"),
    [
        ("hadolint", "Dockerfile", "FROM python\nRUN cd /tmp && apt-get install curl\n"),
        ("yamllint", "a.yaml", "a: 1\na: 2\n"),
        ("checkov", "main.tf", 'resource "aws_s3_bucket" "open" {\n  bucket = "open"\n  acl    = "public-read"\n}\n'),
    ],
)
def test_a_linter_that_finds_something_fails(tmp_path: Path, name: str, file: str, text: str) -> None:
    (tmp_path / file).write_text(text)
    checkov = ["--directory", tmp_path, "--framework", "terraform", "--skip-download"]
    arguments = checkov if name == "checkov" else [tmp_path / file]
    assert linter(name, *arguments).returncode == 1


def test_compose_takes_what_the_machine_of_aws_adds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEALTH_PREDICT_STATE", str(tmp_path))
    for name in ("services", "notebook"):
        (tmp_path / "services" / "images" / name).mkdir(parents=True)
    own = {
        "HEALTH_PREDICT_COMPOSE_EXTRA": str(EXTRA),
        "HEALTH_PREDICT_REGION": "us-east-1",
        "HEALTH_PREDICT_BUCKET": "the-bucket",
        "HEALTH_PREDICT_S3_ENDPOINT": "https://s3.us-east-1.amazonaws.com",
    }
    variables = variables_of(prepare_secrets(read_settings({}), {}), own)
    file = tmp_path / "compose.env"
    file.write_text("".join(f"{name}={value}\n" for name, value in variables.items()))
    line = Compose(find_compose(), file, variables).arguments("config")
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    done = subprocess.run(line, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    services = yaml.safe_load(done.stdout)["services"]
    mlflow, scheduler = services["mlflow"], services["airflow-scheduler"]
    assert mlflow["environment"]["MLFLOW_S3_ENDPOINT_URL"] == "https://s3.us-east-1.amazonaws.com"
    assert (mlflow["environment"]["AWS_ACCESS_KEY_ID"], mlflow["environment"]["AWS_REGION"]) == ("", "us-east-1")
    assert any("/run/health-predict/aws" in str(volume) for volume in mlflow["volumes"])
    assert any("docker.sock" in str(volume) for volume in scheduler["volumes"])
    assert scheduler["user"] == f"{variables['HEALTH_PREDICT_UID']}:{variables['HEALTH_PREDICT_GID']}"


def _documents(text: str) -> list[str]:
    """The JSON documents that checkov prints one after the other, one a directory."""
    decoder, found, at = json.JSONDecoder(), [], 0
    while (at := next((i for i in range(at, len(text)) if text[i] in "[{"), len(text))) < len(text):
        _, end = decoder.raw_decode(text, at)
        found.append(text[at:end])
        at = end
    return found
