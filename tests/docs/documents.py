"""What the documents name: commands, targets, files and links, found by reading them."""

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).parents[2]
DOCUMENTS = sorted(
    [*(PROJECT / "docs").rglob("*.md"), *PROJECT.glob("*.md")], key=lambda path: path.relative_to(PROJECT).as_posix()
)
# what stands between backquotes and looks like a path of this repository
_TOP = sorted(path.name for path in PROJECT.iterdir() if path.is_dir() and not path.name.startswith("."))
DAGGER = "†"
_COMMAND = re.compile(r"make [a-z]|python (?:run\.py|-m) |zenml |\. \./|infra/[\w/]+\.sh")
_PATH = re.compile(rf"(?:{'|'.join(_TOP)})/[\w./*-]*[\w*]")


def name(document: Path) -> str:
    """Name a document as a test's id."""
    return document.relative_to(PROJECT).as_posix()


def code(document: Path) -> Iterator[str]:
    """Yield every line of a code block, its comment cut off, and every piece between backquotes."""
    text = document.read_text(encoding="utf-8")
    yield from (piece.words for piece in _pieces(text))


def commands(document: Path) -> dict[str, set[bool]]:
    """Return every command, and of the places that name it, whether a dagger stands behind it: no test executes it.

    Between backquotes that is what looks like a command; in a block of the language bash, every line.
    """
    found: dict[str, set[bool]] = {}
    for piece in _pieces(document.read_text(encoding="utf-8")):
        if piece.words and (piece.typed or _COMMAND.match(piece.words)):
            found.setdefault(piece.words, set()).add(piece.marked)
    return found


@dataclass(frozen=True)
class _Piece:
    """A line of a block, or what stands between backquotes; whether a dagger follows, and whether it is for a shell."""

    words: str
    marked: bool
    typed: bool


def _pieces(text: str) -> Iterator[_Piece]:
    for language, block in re.findall(r"^```(\w*)\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE):
        for line in block.splitlines():
            yield _Piece(re.sub(r"(^|\s+)#.*$", "", line).strip(), DAGGER in line, language == "bash")
    outside = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    for words, sign in re.findall(rf"`([^`\n]+)`( ?{DAGGER})?", outside):
        yield _Piece(words, bool(sign), typed=False)


def run_commands(document: Path) -> list[list[str]]:
    """Return the arguments of every run.py command."""
    found = (re.search(r"python run\.py (-.*)$", piece) for piece in code(document))
    return [shlex.split(match[1]) for match in found if match]


def make_targets(document: Path) -> set[str]:
    """Return every target of a make command."""
    found = [piece for piece in code(document) if re.match(r"make [a-z]", piece)]
    words = (word for piece in found for word in piece.split()[1:])
    return {word for word in words if re.fullmatch(r"[a-z][a-z-]*", word)}


def modules(document: Path) -> set[str]:
    """Return every module that is run with python -m."""
    found = (re.search(r"python -m ([\w.]+)", piece) for piece in code(document))
    return {match[1] for match in found if match}


def paths(document: Path) -> set[str]:
    """Return what is named as a path of the repository."""
    return {match[0] for piece in code(document) for match in [_PATH.fullmatch(piece.split("::")[0])] if match}


def links(document: Path) -> set[str]:
    """Return every target of a link or picture that is not a URL."""
    targets = re.findall(r"\]\(([^)\s]+)\)", document.read_text(encoding="utf-8"))
    return {target for target in targets if "://" not in target and not target.startswith("#")}


def build(config: Path, site: Path) -> subprocess.CompletedProcess[str]:
    """Build the site of a configuration."""
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--config-file", str(config)]
    return subprocess.run([*command, "--site-dir", str(site)], capture_output=True, text=True, cwd=PROJECT)
