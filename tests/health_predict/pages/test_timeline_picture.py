from xml.etree import ElementTree

from health_predict.monitoring.history import read_history
from health_predict.pages.timeline_picture import timeline_picture
from tests.health_predict.monitoring import invented_ledger as invented


def test_three_strips_stand_one_below_the_other() -> None:
    root = ElementTree.fromstring(timeline_picture(read_history(invented.ledger(6), ())))  # noqa: S314 - our own
    strips = [child for child in root if child.tag.endswith("svg")]
    tops = [float(strip.get("y", "nan")) for strip in strips]
    ends = [top + float(strip.get("height", "nan")) for top, strip in zip(tops, strips, strict=True)]
    assert len(strips) == 3
    assert all(end < following for end, following in zip(ends, tops[1:], strict=False))
    assert ends[-1] <= float(root.get("viewBox", "").split()[3])


def test_nothing_in_it_can_be_followed() -> None:
    picture = timeline_picture(read_history(invented.ledger(6), ()))
    assert "<a " not in picture
    assert "</a>" not in picture
    assert "#batch-" not in picture
