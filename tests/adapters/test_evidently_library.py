import base64
import gzip
import re

import pytest

from adapters.evidently_library import LIBRARY, split_library
from health_predict.errors import InputError

CODE = "var iOe=Object.defineProperty;" + "x();" * 1000 + "window.drawDashboard=ZNt;"
DRAW = "\n    window.drawDashboard(report_1, new Map(), 'root_report_1');\n"
PAGE = (
    "<html><script>var report_1 = {'a': 1};</script><script>var global = globalThis</script>"
    f"<script>{CODE}</script><script>{DRAW}</script></html>"
)


def test_the_page_keeps_its_data_and_waits_for_the_library() -> None:
    page = split_library(PAGE).html
    assert CODE not in page
    assert "var report_1 = {'a': 1};" in page
    order = [page.index(part) for part in ("globalThis", f'<script src="{LIBRARY}"></script>', "evidentlyLibrary.then")]
    assert order == sorted(order)
    assert DRAW in page[order[-1] :]


def test_the_library_is_the_same_code_packed_and_the_same_every_time() -> None:
    library = split_library(PAGE).library
    packed = re.search(r'atob\("([^"]+)"\)', library)
    assert packed is not None
    assert gzip.decompress(base64.b64decode(packed[1])).decode() == CODE
    assert split_library(PAGE).library == library


def test_another_page_is_refused() -> None:
    with pytest.raises(InputError, match="none of Evidently's"):
        split_library("<html><script>alert(1)</script></html>")
