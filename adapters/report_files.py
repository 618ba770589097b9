"""Writes reports to a folder or below an s3:// prefix, each whole or not at all."""

import os
from collections.abc import Mapping
from pathlib import Path

from adapters.byte_streams import S3, Destination, explained
from health_predict.errors import InputError


def check_folder(folder: str) -> None:
    """InputError if nothing can be written into the folder, which need not exist; of s3:// only the form is checked."""
    if folder.startswith(S3):
        if not folder.removeprefix(S3).partition("/")[0]:
            raise InputError(f"--reports {folder}: write it as {S3}bucket/prefix")
        return
    there = next(path for path in (Path(folder), *Path(folder).parents) if path.exists())
    if not there.is_dir() or not os.access(there, os.W_OK):
        raise InputError(f"--reports {folder}: {there} is no folder that can be written to; give another one")


def write_reports(folder: str, pages: Mapping[str, str]) -> dict[str, str]:
    """Write each page under its name, in the place of an older one, and return where each lies.

    Raises:
        InputError: the folder cannot be written to; InfrastructureError: the disk or object storage fails.
    """
    if not folder.startswith(S3):
        with explained(folder, "written"):
            Path(folder).mkdir(parents=True, exist_ok=True)
    places = {name: f"{folder}/{name}" for name in pages}
    for name, page in pages.items():
        _write(places[name], page)
    return places


def _write(uri: str, page: str) -> None:
    destination = Destination(uri)
    try:
        with explained(uri, "written"):
            destination.stream.write(page.encode())
        destination.finish()
        destination.commit()
    except BaseException:
        destination.discard()
        raise
