"""The rule that nothing is reported or stored about fewer than eleven patients."""

SMALLEST_GROUP = 11  # patients; the cell suppression rule of US health agencies
POOLED = "small groups, pooled"
