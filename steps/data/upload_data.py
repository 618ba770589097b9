"""Splits the encounters and puts file and parts into the stack's artifact store."""

import logging
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

from zenml import step

from adapters.data_upload import folder_of_stack, prepare_files, send, write_provenance
from health_predict.splits import Protocol
from steps.progress import show_progress

LOG = logging.getLogger("health_predict.steps")


@step(enable_cache=False)
def upload_data(
    uri: str, source: str, sha256: str, seed: int, protocol: Protocol
) -> Annotated[list[dict[str, Any]], "uploaded"]:
    """Return one entry a file: uri, sha256, size in bytes, and whether it had to be sent; `source` names the data."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        raw, parts = prepare_files(uri, folder, seed=seed, protocol=protocol)
        if raw.sha256 != sha256:
            raise RuntimeError(f"{source} changed while the run was starting; run it again")
        write_provenance(folder, raw, source, parts, seed=seed, protocol=protocol)
        with show_progress("upload") as report:
            uploaded = send(folder, folder_of_stack(), report)
    LOG.info("upload: %d of %d files sent", sum(file.sent for file in uploaded), len(uploaded))
    return [asdict(file) for file in uploaded]
