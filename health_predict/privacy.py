"""The rule that nothing is reported or stored about fewer than eleven patients."""

SMALLEST_GROUP = 11  # patients; the cell suppression rule of US health agencies
POOLED = "small groups, pooled"


def can_be_told(rows: int, positive_rate: float) -> bool:
    """Say whether eleven encounters of either outcome stand behind a rate 0..1; fewer could be singled out."""
    positives = round(rows * positive_rate)
    return min(positives, rows - positives) >= SMALLEST_GROUP
