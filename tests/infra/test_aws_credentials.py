"""What the timer hands to containers and the cluster, with stand-ins for the metadata service, AWS and Kubernetes."""

import base64
import json
import stat
from pathlib import Path

import pytest
from botocore.session import Session

from stacks.environment import PROJECT
from tests.infra.stand_ins import StandIns

pytestmark = pytest.mark.infra

SCRIPT = PROJECT / "infra" / "aws" / "machine" / "credentials.sh"
TOOLS = ("cat", "chmod", "chown", "env", "install", "jq", "mktemp", "mv")
ROLE = {
    "Code": "Success",
    "AccessKeyId": "ASIAEXAMPLE",
    "SecretAccessKey": "the-secret-key",
    "Token": "the-session-token",
    "Expiration": "2099-01-01T00:00:00Z",
}
SECRETS = ("the-secret-key", "the-session-token", "the-metadata-token", "the-ecr-password")
HOST = "000000000000.dkr.ecr.us-east-1.amazonaws.com"
CURL = """
cat >> "$here/headers"
case "$*" in
  *api/token*) [ -e "$here/silent" ] && exit 28; echo the-metadata-token ;;
  */security-credentials/) echo the-role ;;
  */security-credentials/the-role) cat "$here/role.json" ;;
  *) exit 22 ;;
esac
"""
KUBECTL = """
case "$*" in
  *"get namespace"*) [ -e "$here/cluster" ] ;;
  *"create secret"*) cat > "$here/docker-config.json"; echo "kind: Secret" ;;
  *apply*) cat > "$here/applied"; [ ! -e "$here/refuse" ] ;;
esac
"""


@pytest.fixture
def machine(tmp_path: Path) -> StandIns:
    (tmp_path / "bin").mkdir()
    settings = {
        "HEALTH_PREDICT_REGION": "us-east-1",
        "HEALTH_PREDICT_REGISTRY": f"{HOST}/health-predict",
        "HEALTH_PREDICT_AWS_FOLDER": str(tmp_path / "aws"),
        "HEALTH_PREDICT_OWNER": str((tmp_path / "bin").stat().st_uid),
    }
    machine = StandIns(tmp_path / "bin", settings).real(*TOOLS).tool("curl", CURL).tool("kubectl", KUBECTL)
    (machine.folder / "role.json").write_text(json.dumps(ROLE))
    return machine.tool("aws", "echo the-ecr-password")


def handed_out(machine: StandIns) -> Path:
    return Path(machine.environment["HEALTH_PREDICT_AWS_FOLDER"])


def test_an_sdk_reads_what_is_handed_out(machine: StandIns, monkeypatch: pytest.MonkeyPatch) -> None:
    done = machine.run(SCRIPT)
    assert (done.returncode, done.stderr) == (0, "")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(handed_out(machine) / "config"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    session = Session()
    credentials = session.get_credentials()
    assert session.get_config_variable("region") == "us-east-1"
    assert credentials.method == "custom-process"  # asked again when it ends
    assert credentials.get_frozen_credentials()[:3] == ("ASIAEXAMPLE", "the-secret-key", "the-session-token")


def test_only_its_owner_reads_it(machine: StandIns) -> None:
    machine.run(SCRIPT)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in handed_out(machine).iterdir()}
    assert modes == {"credentials.json": 0o400, "config": 0o400}


def test_nothing_secret_is_shown_or_stands_in_an_argument(machine: StandIns) -> None:
    (machine.folder / "cluster").touch()
    done = machine.run(SCRIPT)
    text = done.stdout + done.stderr + "\n".join(machine.calls())
    assert [secret for secret in SECRETS if secret in text] == []
    headers = (machine.folder / "headers").read_text().splitlines()
    assert headers[0] == "X-aws-ec2-metadata-token-ttl-seconds: 60"
    assert headers[1:] == ["X-aws-ec2-metadata-token: the-metadata-token"] * 2  # IMDSv2, never without


def test_the_cluster_gets_a_pull_secret(machine: StandIns) -> None:
    (machine.folder / "cluster").touch()
    done = machine.run(SCRIPT)
    assert f"pull secret ecr-pull for {HOST}" in done.stdout
    config = json.loads((machine.folder / "docker-config.json").read_text())
    assert list(config["auths"]) == [HOST]
    assert base64.b64decode(config["auths"][HOST]["auth"]) == b"AWS:the-ecr-password"
    calls = machine.calls()
    (applied,) = [call for call in calls if " apply " in call]
    assert "--server-side" in applied  # a client-side one would keep the secret in an annotation
    assert [call for call in calls if "patch serviceaccount default" in call and "ecr-pull" in call]


def test_without_a_cluster_there_is_no_pull_secret_and_no_failure(machine: StandIns) -> None:
    done = machine.run(SCRIPT)
    assert (done.returncode, "no cluster yet" in done.stdout) == (0, True)
    assert not [call for call in machine.calls() if call.startswith("aws")]


@pytest.mark.parametrize("failure", ["silent", "refused"])
def test_what_was_handed_out_stays_when_renewing_fails(machine: StandIns, failure: str) -> None:
    machine.run(SCRIPT)
    before = (handed_out(machine) / "credentials.json").read_text()
    if failure == "silent":
        (machine.folder / "silent").touch()
    else:
        (machine.folder / "role.json").write_text(json.dumps({"Code": "Failed", "Message": "no role"}))
    done = machine.run(SCRIPT)
    assert done.returncode == 5
    assert done.stderr.startswith("credentials: the metadata service gives no")
    assert (handed_out(machine) / "credentials.json").read_text() == before
    assert not list(handed_out(machine).glob(".draft*"))


def test_a_refused_pull_secret_is_a_failure_of_the_unit(machine: StandIns) -> None:
    (machine.folder / "cluster").touch()
    (machine.folder / "refuse").touch()
    done = machine.run(SCRIPT)
    assert done.returncode == 5
    assert f"pods of the cluster cannot pull from {HOST}" in done.stderr
