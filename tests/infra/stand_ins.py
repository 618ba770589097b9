"""A PATH of stand-ins: each writes down how it was called, then does what it is told."""

import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

_HEAD = """#!/bin/bash
tool=${0##*/}
here=${0%/*}
printf '%s' "$tool" >> "$here/calls"
printf ' %q' "$@" >> "$here/calls"
echo >> "$here/calls"
"""


@dataclass(frozen=True)
class StandIns:
    """`folder` is the whole PATH: real tools linked, the others stood in for."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    def real(self, *names: str) -> "StandIns":
        for name in names:
            path = shutil.which(name)
            assert path, f"this test needs {name}"
            (self.folder / name).symlink_to(path)
        return self

    def tool(self, name: str, body: str = "") -> "StandIns":
        """A stand-in whose shell code is `body`; `$here` is this folder."""
        (self.folder / name).unlink(missing_ok=True)
        (self.folder / name).write_text(_HEAD + body)
        (self.folder / name).chmod(0o755)
        return self

    def run(self, script: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["/bin/bash", str(script), *arguments],
            env={"PATH": str(self.folder), "HOME": str(self.folder), **self.environment, **more},
            cwd="/",
            capture_output=True,
            text=True,
            timeout=60,
            stdin=subprocess.DEVNULL,
        )

    def calls(self) -> list[str]:
        """The calls since the last time this was asked."""
        file = self.folder / "calls"
        made = file.read_text().splitlines() if file.exists() else []
        file.unlink(missing_ok=True)
        return made
