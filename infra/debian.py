"""Debian's packages: installed where something that a command needs is missing and this is root on Debian."""

import os
import shutil
import subprocess

from health_predict.errors import InfrastructureError


def require_root(package: str, what: str) -> None:
    """Raise InfrastructureError, which names the package of what is missing, unless this is root on Debian."""
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise InfrastructureError(f"{what} is missing and only root on Debian can install it; install {package}")


def install(package: str, what: str) -> None:
    """Install a package without those that it only recommends.

    Args:
        what: is missing, for the message.

    Raises InfrastructureError if this is not root on Debian, or apt-get fails.
    """
    require_root(package, what)
    for arguments in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", package]):
        _apt(package, arguments)


def _apt(package: str, arguments: list[str]) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(["apt-get", *arguments], env=environment, capture_output=True, text=True)  # noqa: S603, S607
    if done.returncode:
        why = (done.stderr.strip() or "no reason given").splitlines()[-1]
        raise InfrastructureError(f"{package}: apt-get {arguments[0]} failed: {why}")
