"""Entry points prepare their process; a test's process is put back."""

import gc
import logging
import os
from collections.abc import Iterator

import pytest


@pytest.fixture
def prepared_process(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """For tests that call a `main`: environment, garbage collection and log handlers are as before afterwards."""
    before = dict(os.environ)
    monkeypatch.setattr(logging, "basicConfig", lambda **settings: None)
    yield
    os.environ.clear()
    os.environ.update(before)
    gc.unfreeze()
    gc.enable()
