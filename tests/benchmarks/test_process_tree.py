import os
import subprocess
import sys

import pytest

from benchmarks.process_tree import measure

# a child that computes for 1.5 seconds and holds 100 MB, seen through a parent that only waits
BUSY = """
import time
held = b"x" * 100_000_000
while time.process_time() < 1.5:
    pass
print("computed")
"""
PARENT = "import subprocess, sys; sys.exit(subprocess.run([sys.executable, '-c', sys.argv[1]]).returncode)"


def test_descendants_count() -> None:
    usage = measure([sys.executable, "-c", PARENT, BUSY], os.environ)
    assert usage.output == "computed\n"
    assert usage.seconds > usage.cpu_seconds > 0.8  # sampled twice a second
    assert 100 < usage.peak_mb < 200


def test_a_command_that_fails_is_said_to_have_failed() -> None:
    with pytest.raises(subprocess.CalledProcessError) as failed:
        measure([sys.executable, "-c", "import sys; sys.exit(7)"], os.environ)
    assert failed.value.returncode == 7
