"""What the first boot installs, with a publisher that can be made to lie, and the disk that it mounts."""

import hashlib
import re
import subprocess
from pathlib import Path

import pytest

from stacks.environment import PROJECT
from tests.infra.stand_ins import StandIns

pytestmark = pytest.mark.infra

MACHINE = PROJECT / "infra" / "aws" / "machine"
INSTALL, DISK = MACHINE / "install-tools.sh", MACHINE / "data-disk.sh"
TOOLS = ("cp", "cut", "grep", "gzip", "head", "install", "mkdir", "mktemp", "mv", "rm", "seq", "sha256sum", "tar")
# serves the file that the last part of the URL names
CURL = """
while [ $# -gt 0 ]; do
  case $1 in --output) out=$2; shift ;; https://*) url=$1 ;; esac
  shift
done
cp "$here/../published/${url##*/}" "$out"
"""
VOLUME = "vol-0123456789abcdef0"


def publish(folder: Path) -> None:
    folder.mkdir()
    (folder / "linux-amd64").mkdir()
    (folder / "linux-amd64" / "helm").write_text("helm")
    archive = next(iter(re.findall(r"HELM_VERSION=(\S+)", INSTALL.read_text())))
    name = f"helm-{archive}-linux-amd64.tar.gz"
    subprocess.run(["tar", "-czf", folder / name, "-C", folder, "linux-amd64/helm"], check=True)
    for file in ("kubectl", "minikube-linux-amd64", "docker-compose-linux-x86_64"):
        (folder / file).write_text(file)
    for file, end in ((name, "sha256sum"), ("kubectl", "sha256"), ("minikube-linux-amd64", "sha256")):
        (folder / f"{file}.{end}").write_text(hashlib.sha256((folder / file).read_bytes()).hexdigest() + f"  {file}\n")
    compose = folder / "docker-compose-linux-x86_64"
    digest = hashlib.sha256(compose.read_bytes()).hexdigest()
    compose.with_name(f"{compose.name}.sha256").write_text(f"{digest} *{compose.name}\n")
    (folder / "kubectl.sha256").write_text(hashlib.sha256(b"kubectl").hexdigest())  # kubectl's names no file


@pytest.fixture
def machine(tmp_path: Path) -> StandIns:
    (tmp_path / "bin").mkdir()
    publish(tmp_path / "published")
    folders = {"HEALTH_PREDICT_BIN": str(tmp_path / "to"), "HEALTH_PREDICT_PLUGINS": str(tmp_path / "plugins")}
    (tmp_path / "to").mkdir()
    return StandIns(tmp_path / "bin", folders).real(*TOOLS).tool("curl", CURL)


def installed(machine: StandIns) -> set[str]:
    root = machine.folder.parent
    return {path.name for folder in ("to", "plugins") for path in (root / folder).glob("*")}


def test_what_its_publisher_vouches_for_is_installed(machine: StandIns) -> None:
    done = machine.run(INSTALL, "--tools-only")
    assert (done.returncode, done.stderr) == (0, "")
    assert installed(machine) == {"kubectl", "minikube", "helm", "docker-compose"}
    assert (machine.folder.parent / "to" / "helm").read_text() == "helm"


@pytest.mark.parametrize("file", ["kubectl", "minikube-linux-amd64", "docker-compose-linux-x86_64", "helm"])
def test_what_is_not_as_published_is_not_installed(machine: StandIns, file: str) -> None:
    (changed,) = [path for path in (machine.folder.parent / "published").glob(f"{file}*") if "sha256" not in path.name]
    changed.write_bytes(changed.read_bytes() + b"and more")
    done = machine.run(INSTALL, "--tools-only")
    assert done.returncode == 5
    assert "is not what its publisher's checksum names; nothing was installed from it" in done.stderr
    name = "docker-compose" if file.startswith("docker") else file.removesuffix("-linux-amd64")
    assert name not in installed(machine)


def test_a_page_instead_of_a_checksum_is_refused(machine: StandIns) -> None:
    (machine.folder.parent / "published" / "kubectl.sha256").write_text("<html>not found</html>")
    done = machine.run(INSTALL, "--tools-only")
    assert (done.returncode, installed(machine)) == (5, set())
    assert "kubectl.sha256 is not a checksum file" in done.stderr


def test_every_download_is_pinned_by_https_and_no_checksum_is_written_down() -> None:
    text = INSTALL.read_text()
    urls = re.findall(r'"(https?://[^"]+)"', text)
    assert urls
    assert [url for url in urls if not url.startswith("https://") or "latest" in url or "VERSION" not in url] == []
    assert not re.search(r"\b[0-9a-f]{64}\b", text)


def test_kubectl_is_that_of_the_cluster() -> None:
    (kubectl,) = re.findall(r"KUBECTL_VERSION=(\S+)", INSTALL.read_text())
    cluster = (PROJECT / "infra" / "minikube" / "cluster.sh").read_text()
    assert re.findall(r"KUBERNETES_VERSION=(\S+)", cluster) == [kubectl]


@pytest.fixture
def disk(machine: StandIns, tmp_path: Path) -> StandIns:
    (tmp_path / "disks").mkdir()
    (tmp_path / "disks" / f"nvme-Amazon_Elastic_Block_Store_{VOLUME.replace('-', '')}").touch()
    for name in ("mkfs.ext4", "mount", "sleep"):
        machine.tool(name)
    machine.tool("mountpoint", "exit 1").tool("blkid", 'exit "$(<"$here/found")"')
    machine.environment.update(
        HEALTH_PREDICT_DISKS=str(tmp_path / "disks"),
        HEALTH_PREDICT_DATA_FOLDER=str(tmp_path / "data"),
        HEALTH_PREDICT_FSTAB=str(tmp_path / "fstab"),
    )
    (tmp_path / "fstab").touch()
    return machine


def test_an_empty_disk_gets_a_file_system_and_is_mounted_at_each_boot(disk: StandIns, tmp_path: Path) -> None:
    (disk.folder / "found").write_text("2")
    for _ in range(2):
        assert disk.run(DISK, VOLUME).returncode == 0
    calls = [call.split()[0] for call in disk.calls()]
    assert {"mkfs.ext4", "mount"} <= set(calls)
    assert len((tmp_path / "fstab").read_text().splitlines()) == 1


@pytest.mark.parametrize(("found", "ended"), [("0", 0), ("1", 5), ("8", 5)])
def test_a_disk_with_data_or_that_cannot_be_read_is_never_formatted(disk: StandIns, found: str, ended: int) -> None:
    (disk.folder / "found").write_text(found)
    assert disk.run(DISK, VOLUME).returncode == ended
    assert not [call for call in disk.calls() if call.startswith("mkfs")]


def test_a_disk_that_is_not_attached_is_waited_for_and_then_named(disk: StandIns) -> None:
    done = disk.run(DISK, "vol-0")
    assert done.returncode == 5
    assert done.stderr.startswith("data-disk: vol-0 was not attached within ten minutes")
    assert len([call for call in disk.calls() if call.startswith("sleep")]) == 120
