"""Writes the zip that Airflow reads a submitted run from, and removes those of finished runs."""

import os
import re
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

from stacks.components.airflow_steps import dag
from stacks.components.airflow_steps.dag import Submission

_PASSWORD_IN_ADDRESS = re.compile(r"://[^/@\s]*:[^/@\s]+@")


def dag_id_of(run_name: str) -> str:
    """The run's name as Airflow accepts it: letters, digits, dash, dot and underscore, at most 250."""
    return re.sub(r"[^\w.-]", "_", run_name, flags=re.ASCII)[:250]


def without_secrets(environment: Mapping[str, str]) -> dict[str, str]:
    """What may stand in the file: nothing whose name or value could hold a secret."""
    return {
        name: value
        for name, value in environment.items()
        if not dag.secret(name) and not _PASSWORD_IN_ADDRESS.search(value)
    }


def write(submission: Submission, folder: Path) -> Path:
    """Write <folder>/<DAG id>.zip, at once or not at all; OSError if the folder cannot be written."""
    target = folder / f"{submission.dag_id}.zip"
    handle, name = tempfile.mkstemp(dir=folder, prefix=".", suffix=".new")  # Airflow reads *.zip only
    try:
        with os.fdopen(handle, "wb") as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.write(dag.__file__, "dag.py")
            archive.writestr(dag.CONFIG, submission.model_dump_json())
        Path(name).chmod(0o644)
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return target


def submitted(folder: Path) -> list[Path]:
    """The zips of submitted runs, the newest first; other files that lie there are left alone."""
    found = []
    for path in folder.glob("*.zip"):
        try:
            with zipfile.ZipFile(path) as archive:
                ours = dag.CONFIG in archive.namelist()
            found += [(path.stat().st_mtime, path)] if ours else []
        except (OSError, zipfile.BadZipFile):  # removed by another process, or not ours
            continue
    return [path for _, path in sorted(found, reverse=True)]
