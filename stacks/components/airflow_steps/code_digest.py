"""Which code an image of the steps holds: a name for the content of its build context.

ZenML takes an image that was pushed before if its settings are the same, and does not see that the code in it changed;
and a registry may refuse to push a tag again. So the tag is made of the content: new code, new tag.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path

_LOCK = "requirements/pipeline.txt"  # what the base image was made from
_LENGTH = 16  # hexadecimal digits


def code_digest(project: Path, *more: str) -> str:
    """Return 16 hexadecimal digits for what .dockerignore of `project` lets into the image, the lock, and `more`."""
    digest = hashlib.sha256("\0".join(more).encode())
    for path in sorted(set(_let_in(project))):
        digest.update(f"\0{path.relative_to(project)}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:_LENGTH]


def _let_in(project: Path) -> Iterator[Path]:
    lines = (project / ".dockerignore").read_text(encoding="utf-8").splitlines()
    for name in [*(line[1:] for line in lines if line.startswith("!")), _LOCK]:
        root = project / name
        files = root.rglob("*") if root.is_dir() else [root]
        yield from (path for path in files if path.is_file() and "__pycache__" not in path.parts)
