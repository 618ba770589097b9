"""A lock with a few of the pipelines' packages and all that they need, for an image that is built within a minute."""

import re
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement

# a step that needs nothing but ZenML and S3
NEEDED = ("zenml[local]", "s3fs", "boto3", "filelock", "tenacity", "psutil", "requests", "aws-profile-manager", "rich")


def write_small_lock(whole: Path, target: Path) -> None:
    """Write the entries of the lock `whole`, hashes included, of NEEDED and all that it needs as installed here."""
    wanted = _closure(NEEDED)
    entries = re.findall(r"^[\w.-]+==.*?(?=^[\w.-]+==|\Z)", whole.read_text(), re.MULTILINE | re.DOTALL)
    kept = [entry for entry in entries if _plain(entry.partition("==")[0]) in wanted]
    assert len(kept) == len(wanted), wanted - {_plain(entry.partition("==")[0]) for entry in kept}
    target.write_text("".join(kept))


def _closure(roots: tuple[str, ...]) -> set[str]:
    todo, found = [Requirement(root) for root in roots], set[tuple[str, frozenset[str]]]()
    while todo:
        one = todo.pop()
        key = (_plain(one.name), frozenset(one.extras))
        if key in found:
            continue
        try:
            needs = distribution(one.name).requires or []
        except PackageNotFoundError:  # asked for on other systems only
            continue
        found.add(key)
        todo += [need for need in map(Requirement, needs) if _applies(need, one.extras)]
    return {name for name, _ in found}


def _applies(need: Requirement, extras: set[str]) -> bool:
    return need.marker is None or any(need.marker.evaluate({"extra": extra}) for extra in extras or {""})


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
