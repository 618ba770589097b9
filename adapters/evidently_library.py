"""Takes Evidently's script library out of its pages, so that several pages share one packed copy beside them.

A page of Evidently is 4 MB, of which 3.5 MB are the library. Packed it is 1.4 MB, which a browser unpacks by itself;
nothing is fetched, so that the pages can be opened as files.
"""

import base64
import gzip
import re
from dataclasses import dataclass

from health_predict.errors import InputError

LIBRARY = "evidently-library.js"
_SCRIPT = re.compile(r"<script>(?P<code>.*?)</script>", re.DOTALL)
_DRAWS = "window.drawDashboard("
_LOADER = """// Evidently's library (Apache-2.0), as its reports hold it, packed; see adapters/evidently_library.py
var evidentlyLibrary = (async () => {
  const packed = Uint8Array.from(atob("%s"), (character) => character.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  const script = document.createElement("script");
  script.textContent = await new Response(stream).text();
  document.head.append(script);
})();
"""


@dataclass(frozen=True)
class SplitPage:
    """A page that loads `library`, a script to be kept beside it under the name LIBRARY."""

    html: str
    library: str


def split_library(html: str) -> SplitPage:
    """Split a page that Evidently wrote; InputError if it is none, or its form is another one."""
    scripts = list(_SCRIPT.finditer(html))
    draws = next((s for s in scripts if s["code"].strip().startswith(_DRAWS)), None)
    if draws is None:
        raise InputError("this page is none of Evidently's, or its form has changed; see adapters/evidently_library.py")
    library = max(scripts, key=lambda script: len(script["code"]))
    page = (
        html[: library.start()]
        + f'<script src="{LIBRARY}"></script>'
        + html[library.end() : draws.start()]
        + f"<script>evidentlyLibrary.then(() => {{{draws['code']}}});</script>"
        + html[draws.end() :]
    )
    packed = base64.b64encode(gzip.compress(library["code"].encode(), 9, mtime=0)).decode()
    return SplitPage(page, _LOADER % packed)
