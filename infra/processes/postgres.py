"""Debian's PostgreSQL with a cluster of the project's own: its binaries, its user, its data folder."""

import os
import pwd
import shutil
import subprocess
from pathlib import Path

from health_predict.errors import InfrastructureError
from infra import debian
from infra.processes.place import Place
from infra.service_secrets import write_private

_PACKAGE = "postgresql-15"
_BINARIES = Path("/usr/lib/postgresql/15/bin")
_NO_CLUSTER = Path("/etc/postgresql-common/createcluster.d/health-predict.conf")  # while the package is installed
_LONGEST_SOCKET = 100  # characters of a Unix socket's path that every system takes
# for one machine: a handful of clients, little memory
_TUNED = {
    "max_connections": 60,
    "shared_buffers": "64MB",
    "max_wal_size": "256MB",
    "log_min_messages": "warning",
    # a killed scheduler's workers hold its connection, and with it the lock without which the next one starts no task
    "idle_in_transaction_session_timeout": "60s",
}


def postgres_user() -> str:
    """Whom PostgreSQL runs as: it refuses root, so then the user of Debian's package; else empty, the caller."""
    return "postgres" if os.geteuid() == 0 else ""


def install_postgres() -> bool:
    """Install Debian's package if it is missing and this is root on Debian; says whether it did.

    No cluster is made and no server is started by the package.

    Raises InfrastructureError if there is no PostgreSQL and none can be installed.
    """
    if (_BINARIES / "postgres").exists():
        return False
    debian.require_root(_PACKAGE, "PostgreSQL")
    _NO_CLUSTER.parent.mkdir(parents=True, exist_ok=True)
    _NO_CLUSTER.write_text("create_main_cluster = false\n", encoding="utf-8")
    try:
        debian.install(_PACKAGE, "PostgreSQL")
    finally:
        _NO_CLUSTER.unlink()
    return True


def create_cluster(place: Place) -> bool:
    """Make the data folder with passwords required for every connection; says whether it did."""
    data = place.postgres / "data"
    _prepare_folder(place.postgres)
    if (data / "PG_VERSION").exists():
        return False
    shutil.rmtree(data, ignore_errors=True)  # of an initdb that was interrupted
    password = place.postgres / "password"
    write_private(password, place.secrets["POSTGRES_PASSWORD"])
    try:
        _give(password)
        _initialise(data, password)
    finally:
        password.unlink(missing_ok=True)
    return True


def postgres_command(place: Place) -> tuple[str, ...]:
    """The server, on 127.0.0.1 and a socket in a folder that only its user enters."""
    settings = {
        "listen_addresses": "127.0.0.1",
        "port": place.settings.postgres_port,
        "unix_socket_directories": place.postgres,
        **_TUNED,
    }
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    return (str(_BINARIES / "postgres"), "-D", str(place.postgres / "data"), *options)


def _prepare_folder(folder: Path) -> None:
    if len(str(folder)) > _LONGEST_SOCKET:
        raise InfrastructureError(f"{folder}: too long a path for a socket; set HEALTH_PREDICT_STATE to a shorter one")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _give(folder)
    if not postgres_user():
        return
    for above in reversed(folder.parents):
        if not _enters(above):
            raise InfrastructureError(
                f"{above} cannot be entered by the user {postgres_user()}, whom PostgreSQL runs as; run: "
                f"chmod o+x {above}, or set HEALTH_PREDICT_STATE to a folder elsewhere"
            )


def _enters(folder: Path) -> bool:
    done = subprocess.run(["test", "-x", str(folder)], user=postgres_user(), group=_group(), extra_groups=[])  # noqa: S603, S607
    return done.returncode == 0


def _initialise(data: Path, password: Path) -> None:
    options = ["--auth=scram-sha-256", "--username=postgres", "--encoding=UTF8", "--locale=C.UTF-8"]
    command = [str(_BINARIES / "initdb"), "-D", str(data), f"--pwfile={password}", *options]
    identity = {"user": postgres_user(), "group": _group(), "extra_groups": []} if postgres_user() else {}
    done = subprocess.run(command, capture_output=True, text=True, cwd="/", **identity)  # type: ignore[call-overload]  # noqa: S603
    if done.returncode:
        raise InfrastructureError(f"{data}: initdb failed: {done.stderr.strip().splitlines()[-1]}")


def _give(path: Path) -> None:
    if postgres_user():
        shutil.chown(path, postgres_user(), _group())


def _group() -> int:
    try:
        return pwd.getpwnam(postgres_user()).pw_gid
    except KeyError:
        raise InfrastructureError("there is no user postgres; reinstall Debian's postgresql-common") from None
