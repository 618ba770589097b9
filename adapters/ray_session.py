"""Starts Ray on this machine or connects to a cluster, quietly, and leaves nothing behind."""

import logging
import os
import secrets
import shutil
import socket
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psutil

from health_predict.errors import InfrastructureError

REPOSITORY = Path(__file__).resolve().parent.parent
_TEMPORARY = "/tmp"  # noqa: S108 - Ray's sockets lie below, and a socket's path has at most 107 bytes
_LONGEST_REASON = 200
_SECONDS_TO_ANSWER = 10
_ENVIRONMENT = {
    "RAY_AIR_NEW_OUTPUT": "0",  # the new reporter prints lost trials and file names even when told to be silent
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_DISABLE_SIGINT_HANDLER": "1",  # otherwise Ctrl+C ends the search as if it were complete
    "TUNE_GLOBAL_CHECKPOINT_S": "3600",  # nothing of it is ever read
    "TUNE_PRINT_ALL_TRIAL_ERRORS": "0",
    "TUNE_WARN_THRESHOLD_S": "60",
    "TUNE_RESULT_BUFFER_LENGTH": "1000",  # switches the buffering on; adapters.ray_trials says how long
}
_ALONE = {
    # Ray takes the machine's outward address, and then listens on all of them, unless it is told that it will stay
    # alone; the name is historical, the variable is read on Linux too
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    # workers started beforehand do not fit Tune's, which get variables of their own
    "RAY_prestart_worker_first_driver": "0",
    # a token of this process, where Ray would write one to the home folder
    "RAY_AUTH_MODE": "token",
    "RAY_AUTH_TOKEN": secrets.token_hex(32),
}
_QUIET = {"include_dashboard": False, "log_to_driver": False, "logging_level": logging.CRITICAL}


@contextmanager
def session(address: str | None, *, cpus: int, object_store_mb: int, start_attempts: int) -> Iterator[None]:
    """Have Ray at hand for as long as it runs.

    Args:
        address: None starts Ray here, with `cpus` processors and `object_store_mb` of shared memory, which may take
            several attempts; otherwise that of a running cluster.

    Raises:
        InfrastructureError: Ray did not start, or no cluster answers.
    """
    with _environment(_ENVIRONMENT if address else {**_ENVIRONMENT, **_ALONE}):
        import ray

        folders: list[Path] = []
        try:
            if address is None:
                _start(folders, cpus, object_store_mb, start_attempts)
            else:
                _connect(address)
            yield
        finally:
            ray.shutdown()
            for folder in folders:
                _clean_up(folder)


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Set variables, and the path on which Ray's workers find this repository; undo that, and what Ray itself sets."""
    before = dict(os.environ)
    paths = [str(REPOSITORY), *filter(None, [before.get("PYTHONPATH")])]
    os.environ.update(variables, PYTHONPATH=os.pathsep.join(paths))
    try:
        yield
    finally:
        for name in [name for name in os.environ if name.startswith(("RAY_", "TUNE_", "PYTHON"))]:
            del os.environ[name]
        os.environ.update(before)


def _start(folders: list[Path], cpus: int, object_store_mb: int, start_attempts: int) -> None:
    """Start Ray on this machine; every attempt adds its temporary folder to `folders`."""
    import ray

    for attempt in range(1, start_attempts + 1):
        try:
            folders.append(Path(tempfile.mkdtemp(prefix="ray-", dir=_TEMPORARY)))
            ray.init(
                address="local",
                num_cpus=cpus,
                object_store_memory=object_store_mb * 2**20,
                _temp_dir=str(folders[-1]),
                _node_ip_address="127.0.0.1",
                **_QUIET,
            )
            return
        except Exception as error:  # Ray raises RuntimeError, ValueError, its own and bare Exception here
            ray.shutdown()
            if attempt == start_attempts:
                raise InfrastructureError(
                    f"Ray did not start in {attempt} attempts ({one_line(error)}); free some memory and processor "
                    "time and run again, or set search.ray_address to a running cluster"
                ) from error
            # a half-started Ray would take processor time from the next attempt
            _clean_up(folders.pop())


def _connect(address: str) -> None:
    import ray

    packages = [str(REPOSITORY / package) for package in ("health_predict", "adapters")]
    runtime = {"py_modules": packages, "env_vars": _ENVIRONMENT}
    try:
        _knock(address)
        ray.init(address=address, runtime_env=runtime, **_QUIET)
    except Exception as error:
        raise InfrastructureError(
            f"no Ray cluster answers at {address} ({one_line(error)}); check search.ray_address, "
            "or leave it out to run on this machine"
        ) from error


def _knock(address: str) -> None:
    """Raise OSError where nobody listens, since Ray itself would try for many minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if address != "auto":
        socket.create_connection((host, int(port)), timeout=_SECONDS_TO_ANSWER).close()


def _clean_up(folder: Path) -> None:
    """Remove what a start left: its folder, and the processes that `ray.shutdown` forgets after a failed start."""
    for process in psutil.Process().children():
        if _is_at_home_in(process, folder):
            for descendant in (*process.children(recursive=True), process):
                _kill(descendant)
    for _ in range(20):  # processes that are about to end may still write
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(0.1)


def _is_at_home_in(process: psutil.Process, folder: Path) -> bool:
    try:
        if process.status() == psutil.STATUS_ZOMBIE:
            return process.name() in ("raylet", "gcs_server")
        return any(str(folder) in argument for argument in process.cmdline())
    except psutil.Error:
        return False


def _kill(process: psutil.Process) -> None:
    try:
        process.kill()
        process.wait(5)
    except psutil.Error:
        pass  # it has ended meanwhile, or will


def one_line(error: BaseException) -> str:
    """Name an error in one line of at most 200 characters."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0] if lines else 'no message'}"[:_LONGEST_REASON]
