"""The monitoring timeline as one SVG file of its own, for documents: what happened, AUROC and calibration."""

import re

from markupsafe import Markup

from health_predict.monitoring.history import MonitoringHistory
from health_predict.pages.drawing import INK
from health_predict.pages.frame import Figure
from health_predict.pages.monitoring_lanes import lanes_figure
from health_predict.pages.monitoring_timeline import auroc_figure, calibration_figure

_TITLE_HEIGHT, _BORDER = 24, 12  # points
_FONT = "system-ui, 'Segoe UI', Roboto, Arial, sans-serif"


def timeline_picture(history: MonitoringHistory) -> str:
    """Draw three strips of the monitoring page one below the other; no script, no link, on white.

    Args:
        history: of at least one batch.
    """
    strips, top, width = [], float(_BORDER), 0.0
    for figure in (lanes_figure(history), auroc_figure(history), calibration_figure(history)):
        width, height = _size(figure.svg)
        strips.append(_placed(figure, top, width, height))
        top += _TITLE_HEIGHT + height + _BORDER
    namespaces = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    opening = f'<svg {namespaces} viewBox="0 0 {width + 2 * _BORDER:g} {top:g}" font-family="{_FONT}">'
    background = '<rect width="100%" height="100%" fill="white"/>'
    return "\n".join([opening, background, *strips, "</svg>"]) + "\n"


def _placed(figure: Figure, top: float, width: float, height: float) -> str:
    title = f'<text x="{_BORDER}" y="{top + 14:g}" font-size="13" font-weight="700" fill="{INK}">{figure.title}</text>'
    place = f'<svg x="{_BORDER}" y="{top + _TITLE_HEIGHT:g}" width="{width:g}" height="{height:g}" '
    return title + "\n" + _without_links(figure.svg).replace("<svg ", place, 1)


def _size(svg: Markup) -> tuple[float, float]:
    width, height = re.findall(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', svg)[0]
    return float(width), float(height)


def _without_links(svg: Markup) -> str:
    """The rows of the page's table are not in the picture."""
    return re.sub(r"<a [^>]*><title>[^<]*</title>|</a>", "", str(svg))
