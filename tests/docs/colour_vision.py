"""Colours as people with other colour vision see them: simulated by the browser, and how far apart they then are."""

import io
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms
from playwright.sync_api import Browser

KINDS = ("none", "deuteranopia", "protanopia", "tritanopia")
SIDE = 8  # pixels of a swatch
Floats = npt.NDArray[np.float64]


def seen_colours(opened: Browser, colours: Sequence[str]) -> Floats:
    """Return (kinds of vision, n colours, 3) values L*, a*, b* of CSS colours as a screen shows them."""
    page = opened.new_page(viewport={"width": SIDE * len(colours), "height": SIDE})
    swatches = "".join(f'<i style="float:left;width:{SIDE}px;height:{SIDE}px;background:{c}"></i>' for c in colours)
    page.set_content(f'<body style="margin:0">{swatches}</body>')
    session = page.context.new_cdp_session(page)
    found = []
    for kind in KINDS:
        session.send("Emulation.setEmulatedVisionDeficiency", {"type": kind})
        shown = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
        found.append(_lab(np.asarray(shown)[SIDE // 2, SIDE // 2 :: SIDE]))
    page.close()
    return np.array(found)


def _lab(colours: npt.NDArray[np.uint8]) -> Floats:
    to_lab = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB")
    converted = ImageCms.applyTransform(Image.fromarray(colours[None]), to_lab)
    values = np.asarray(converted)[0]
    lightness, rest = values[:, :1] * (100 / 255), values[:, 1:].astype(np.int8)  # a and b are kept as signed bytes
    return np.concatenate([lightness, rest], axis=1).astype(np.float64)
